"""The PostgreSQL manual in chunks: ten questions, and where the page that answers each is found.

The questions and their pages were written down before any search was made.
"""

from __future__ import annotations

#: A question, and the pages that answer it.
QUESTIONS = (
    ("How do I prevent transaction ID wraparound?", ("routine-vacuuming.html",)),
    (
        "Which isolation level guards against write skew and phantom reads?",
        ("transaction-iso.html",),
    ),
    (
        "How can users be limited to seeing only their own rows of a table?",
        ("ddl-rowsecurity.html", "sql-createpolicy.html"),
    ),
    (
        "Which line of the configuration lets a user log in over the network with a password?",
        ("auth-pg-hba-conf.html",),
    ),
    (
        "How do I bring a database back to the moment before a table was dropped by mistake?",
        ("continuous-archiving.html",),
    ),
    ("How do I find out why a query is slow and does not use an index?", ("using-explain.html",)),
    ("How are documents ranked by relevance in a search for words?", ("textsearch-controls.html",)),
    ("What happens when two sessions wait for each other's locks?", ("explicit-locking.html",)),
    ("How do I insert a row, or update it if it exists already?", ("sql-insert.html",)),
    (
        "How much memory should the server have for its shared buffers?",
        ("runtime-config-resource.html",),
    ),
)
