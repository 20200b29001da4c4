"""Roles for tests that act as somebody who wants more than their rights."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import sql

from sqlembed.embedders import HashEmbedder
from tests.fix_database import Connection
from tests.fix_scram import Realm

DECLARE = """
insert into sqlembed.embedding (
    relation, name, embedder, source, declared_source, timing, on_change, metric, storage, index,
    place, dimensions, key_columns, key_expression, source_columns
)
values (
    %s::regclass, %s, 'hash', 'title', 'title', 'async', 'keep', 'cosine', 'vector', 'none',
    'row', 8, '{id}', %s, %s
)
returning id
"""


@pytest.fixture
def owner(realm: Realm) -> Connection:
    """The connection of the schema's owner; everybody may use ``hash``, which nobody serves yet."""
    owner = realm.connect(realm.server.owner)
    embedder = HashEmbedder("hash", 8)
    owner.execute("select sqlembed.register_embedder('hash', 8, %s)", (str(embedder.fingerprint),))
    owner.execute("select sqlembed.grant_embedder('hash', 'public')")
    return owner


@pytest.fixture
def hostile(realm: Realm) -> Connection:
    """A role that may log in and nothing else."""
    return realm.connect(realm.server.hostile)


@pytest.fixture
def rider(realm: Realm) -> Connection:
    """A connection as the loopback's role: the most that riding on it could give."""
    return realm.connect("sqlembed_loopback")


@pytest.fixture
def coder(owner: Connection, realm: Realm) -> Connection:
    """The hostile role, with a schema ``evil`` and code there that notes whose rights it has."""
    del owner
    realm.connect().execute(
        sql.SQL("create schema evil authorization {}").format(sql.Identifier(realm.server.hostile))
    )
    coder = realm.connect(realm.server.hostile)
    for statement in (
        "set search_path = evil, public",
        "create table log (who text)",
        "grant usage on schema evil to public",
        "grant all on log to public",
        """
        create function note() returns text language plpgsql as $$
        begin insert into evil.log values (current_user); return '[1]'; end $$
        """,
        "create table mine (id int primary key, title text, embedding vector(8))",
    ):
        coder.execute(statement)
    return coder


def ran_as(coder: Connection) -> set[object]:
    """Return the other roles with whose rights the hostile role's code has run."""
    rows = coder.execute("select distinct who from evil.log where who <> current_user")
    return {who for (who,) in rows}


def refused(connection: Connection, statement: str, *values: object) -> bool:
    """Tell whether a statement fails for want of rights, or of a way to name what it wants."""
    try:
        connection.execute(statement.encode(), values)
    except (
        psycopg.errors.InsufficientPrivilege,
        psycopg.errors.UndefinedFunction,
        psycopg.errors.UndefinedObject,
    ):
        return True
    return False


def genuine(text: str) -> list[float]:
    """Return the vector that ``hash`` gives a text, rounded."""
    return [round(float(x), 5) for x in HashEmbedder("hash", 8).embed([text])[0]]


def embedded(connection: Connection, call: str) -> list[float]:
    """Return the vector that a call in SQL gives, rounded."""
    row = connection.execute(f"select ({call})::real[]".encode()).fetchone()
    assert row is not None
    assert isinstance(row[0], list)
    return [round(x, 5) for x in row[0]]


def declare(coder: Connection, relation: str, *values: object) -> int:
    """Declare behind the back of create_embedding; return the embedding's number.

    Args:
        coder: declares.
        relation: its table.
        values: of the columns name, key_expression and source_columns.
    """
    name, key, columns = values or ("embedding", "evil.note()::jsonb", ["title"])
    row = coder.execute(DECLARE, (relation, name, key, columns)).fetchone()
    assert row is not None
    return int(str(row[0]))
