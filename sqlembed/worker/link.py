"""A worker's connection to its database."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.types.string import TextLoader

from sqlembed.worker.arrays import register_arrays

Connection = psycopg.Connection[tuple[object, ...]]

SETTINGS = {
    # Keys hold dates and floats as text: every worker must write them alike.
    "timezone": "UTC",
    "datestyle": "ISO",
    "intervalstyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "statement_timeout": "0",
    # A table that is being altered must not keep the worker from all the others.
    "lock_timeout": "200ms",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    "default_transaction_isolation": "read committed",
    "default_transaction_read_only": "off",
    # A policy that hides rows must be an error: they would pass for deleted ones.
    "row_security": "off",
    # Work that is lost in a crash is lost with its job's end, and done again.
    "synchronous_commit": "off",
    # Rows are found by the primary key, however large a table is or seems to be: the planner's
    # statistics are older than a queue.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    # PostgreSQL 18 crashes where it prunes partitions row by row and a row turns out to have
    # changed meanwhile: what it then frees it goes on to use.
    "enable_partition_pruning": "off",
    # What they forbid costs so much before PostgreSQL 18 that every statement would be compiled.
    "jit": "off",
    # Thousands of vectors are handed from step to step.
    "work_mem": "64MB",
    # The triggers of embeddings leave a worker's own writes alone.
    "sqlembed.writing": "on",
    # A worker whose machine is gone must not pass for alive for hours.
    "tcp_keepalives_idle": "15",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}

#: The same as libpq takes them: whatever the database or the role has set for others.
OPTIONS = " ".join(
    f"-c {setting}={value}".replace("read committed", r"read\ committed")
    for setting, value in SETTINGS.items()
)

# The first version that has a transaction_timeout; others take no such option.
WITH_TRANSACTION_TIMEOUT = 170_000

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
    connection = psycopg.connect(
        url,
        autocommit=True,
        application_name=name,
        options=OPTIONS,
        keepalives_idle=15,
        keepalives_interval=5,
        keepalives_count=3,
    )
    end_transaction_timeout(connection)
    connection.execute(SEARCH_PATH)
    register_arrays(connection)
    # Keys stay as the server wrote them: a Python float could not hold every numeric.
    connection.adapters.register_loader("jsonb", TextLoader)
    # Server-side prepared after the first use: workers repeat a dozen statements.
    connection.prepare_threshold = 1
    return connection


def end_transaction_timeout(connection: psycopg.Connection[Any]) -> None:
    """Let transactions of this connection last, whatever is set for others."""
    if connection.info.server_version >= WITH_TRANSACTION_TIMEOUT:
        connection.execute("set transaction_timeout = 0")


def reason(error: psycopg.Error) -> str:
    """Return what went wrong in one line, without PostgreSQL's context."""
    return error.diag.message_primary or str(error).strip()
