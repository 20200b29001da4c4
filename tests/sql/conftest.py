"""A database that tests share which leave nothing in it: cheaper than one for each."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import psycopg
import pytest

from tests.fix_database import database_url
from tests.writing import Connection, register, run

CLEAN = """
drop schema if exists work, elsewhere, mine, a, b cascade;
create schema work;
truncate sqlembed.embedding, sqlembed.change, sqlembed.job, sqlembed.lease, sqlembed.failed_job;
truncate sqlembed.cache;
delete from sqlembed.embedder where name <> 'hash';
update sqlembed.embedder set fingerprint = null;
select sqlembed._sweep(0);
"""


@pytest.fixture(scope="session")
def shared_url(server_url: str, admin: Connection, template: str) -> Iterator[str]:
    """URL of a database with the embedder ``hash``, some types and a schema for tables."""
    # Tests elsewhere have this fixture too, and so a database of their own.
    name = f"{template}_{uuid.uuid4().hex[:8]}"
    run(admin, f"create database {name} template {template} strategy wal_log")
    url = database_url(server_url, name)
    with psycopg.connect(url, autocommit=True) as connection:
        register(connection)
        run(connection, "create extension citext")
        run(connection, "create type mood as enum ('sad', 'happy, really')")
        run(connection, "create domain positive as int check (value > 0)")
        run(connection, "create domain day as date")
        run(connection, "create type pair as (a int, b text)")
        run(connection, "create schema work")
        run(connection, f"alter database {name} set search_path = work, public")
    yield url
    run(admin, f"drop database {name} with (force)")


@pytest.fixture
def shared(shared_url: str) -> Iterator[Connection]:
    """A superuser's connection to that database; its tables and embeddings go afterwards."""
    with psycopg.connect(shared_url, autocommit=True) as connection:
        yield connection
        connection.rollback()
        run(connection, "reset all")
        run(connection, "reset role")
        run(connection, CLEAN)
