"""A worker's connection to its database."""

from __future__ import annotations

import psycopg
from pgvector.psycopg import register_vector
from psycopg.types.string import TextLoader

Connection = psycopg.Connection[tuple[object, ...]]

# Keys hold dates and floats as text: every worker must write them alike.
SETTINGS = (
    "-c timezone=UTC -c intervalstyle=postgres -c bytea_output=hex -c extra_float_digits=1 "
    "-c statement_timeout=0 -c idle_in_transaction_session_timeout=0"
)

# The type vector is found wherever the extension was put, and nothing of anybody else's is.
SEARCH_PATH = """
select set_config('search_path', 'pg_catalog, ' || quote_ident(n.nspname) || ', pg_temp', false)
from pg_extension as e
join pg_namespace as n on n.oid = e.extnamespace
where e.extname = 'vector'
"""


def connect(url: str, *, name: str = "sqlembed worker") -> Connection:
    """Open a connection in autocommit that sends and takes vectors in binary.

    Args:
        url: a libpq URL. Not one of a transaction pooler: workers hold session locks and listen.
        name: shown as ``application_name``.
    """
    connection = psycopg.connect(url, autocommit=True, application_name=name, options=SETTINGS)
    connection.execute(SEARCH_PATH)
    register_vector(connection)
    # Keys stay as the server wrote them: a Python float could not hold every numeric.
    connection.adapters.register_loader("jsonb", TextLoader)
    # Server-side prepared after the first use: workers repeat a dozen statements.
    connection.prepare_threshold = 1
    return connection


def reason(error: psycopg.Error) -> str:
    """Return what went wrong in one line, without PostgreSQL's context."""
    return error.diag.message_primary or str(error).strip()
