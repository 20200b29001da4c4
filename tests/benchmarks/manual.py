"""The PostgreSQL manual in chunks: ten questions, and where the page that answers each is found.

The questions and their pages were written down before any search was made. Run it with the file of
pages (JSON Lines, compressed by gzip: page, title, text), and, to use another than a passing
database, its URL: ``python -m tests.benchmarks.manual postgres_manual.jsonl.gz``.
"""

from __future__ import annotations

import gzip
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from sqlembed.embedders import builtin
from sqlembed.worker import Worker, register_embedders
from tests.benchmarks.stage import Connection, connect, database, seconds, working

#: A question, and the pages that answer it.
QUESTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
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

SEARCH = "select (base).page, chunk from sqlembed.search(null::manual, %s, k => 3{more})"


@dataclass(frozen=True)
class Found:
    """What a search found for one question."""

    question: str
    #: Place of the first page that answers it, ``None`` beyond the third.
    place: int | None
    page: str
    chunk: str | None


def main(file: str, url: str | None) -> None:
    if url is not None:
        _play(file, url)
        return
    with database() as made:
        _play(file, made)


def _play(file: str, url: str) -> None:
    registry = builtin.registry()
    registry.get("minilm").warm_up()
    register_embedders(url, registry)
    with connect(url) as connection:
        _load(connection, Path(file))
        took = seconds(lambda: Worker(url, registry).run(burst=True))
        connection.execute("analyze manual, manual_passage, manual_whole")
        counts = connection.execute(
            "select (select count(*) from manual), (select count(*) from manual_passage)"
        ).fetchone()
        assert counts is not None
        print(f"{counts[0]} pages, {counts[1]} chunks, embedded both ways in {took:.0f} s")
        with working(url, *registry):
            for name, more in (
                ("chunks, through the index", ", embedding => 'passage'"),
                ("chunks, every one compared", ", embedding => 'passage', mode => 'exact'"),
                ("chunks and words", ", embedding => 'passage', mode => 'hybrid'"),
                ("one vector a page, its first 256 tokens", ", embedding => 'whole'"),
            ):
                _print(name, [_ask(connection, one, pages, more) for one, pages in QUESTIONS])


def _load(connection: Connection, file: Path) -> None:
    connection.execute("create table manual (page text primary key, title text, body text)")
    with (
        gzip.open(file, "rt", encoding="utf-8") as lines,
        connection.cursor().copy("copy manual from stdin") as copy,
    ):
        for line in lines:
            row = json.loads(line)
            copy.write_row((row["page"], row["title"], row["text"]))
    connection.execute(
        "select sqlembed.create_embedding('manual', 'minilm', 'body', 'passage',"
        """ chunking => '{"tokens": 256, "overlap": 32}', full_text => 'english')"""
    )
    connection.execute(
        "select sqlembed.create_embedding('manual', 'minilm', 'body', 'whole', place => 'side')"
    )


def _ask(connection: Connection, question: str, pages: tuple[str, ...], more: str) -> Found:
    rows = connection.execute(SEARCH.format(more=more).encode(), (question,)).fetchall()
    found = [str(page) for page, _ in rows]
    place = next((number for number, page in enumerate(found, start=1) if page in pages), None)
    shown = rows[0 if place is None else place - 1]
    chunk = None if shown[1] is None else " ".join(str(shown[1]).split())
    return Found(question, place, str(shown[0]), chunk)


def _print(name: str, results: list[Found]) -> None:
    hits = sum(result.place is not None for result in results)
    print(f"\n{name}: {hits} of {len(results)} in the first three\n")
    print("| question | place | page | begins |\n|---|---|---|---|")
    for result in results:
        begins = "" if result.chunk is None else f"{result.chunk[:60]} …"
        place = "none" if result.place is None else result.place
        print(f"| {result.question} | {place} | {result.page} | {begins} |")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None)
