"""Objects of the same names as ours and PostgreSQL's, ahead in the caller's search_path."""

from __future__ import annotations

import pytest
from psycopg import sql

from sqlembed.embedders import HashEmbedder
from sqlembed.worker import Worker
from tests.fix_database import Connection
from tests.fix_hostile import embedded, genuine
from tests.fix_scram import Realm


@pytest.fixture
def url(realm: Realm) -> str:
    return realm.url(realm.server.owner)


NOTE = """
create function evil.{}({}) returns {} language plpgsql as $$
begin insert into evil.log values (current_user); return {}; end $$
"""

HIDDEN = (
    ("note", "", "text", "'x'"),
    ("sha256", "bytea", "bytea", "null"),
    ("convert_to", "text, name", "bytea", "null"),
    ("current_database", "", "name", "null"),
    ("cardinality", "anyarray", "int", "0"),
    ("format", "text, variadic text[]", "text", "''"),
    ("clock_timestamp", "", "timestamptz", "null"),
    ("quote_ident", "text", "text", "null"),
    ("embed", "text, text", "text", "null"),
    ("_ask", "text, bytea, text, text[]", "text", "null"),
    ("equal", "text, text", "boolean", "false"),
    ("minus", "int, float8", "float8", "0"),
)

OBJECTS = (
    "create operator evil.= (leftarg = text, rightarg = text, function = evil.equal)",
    "create operator evil.- (leftarg = int, rightarg = float8, function = evil.minus)",
    "create temporary table embedder (name text, dimensions int)",
    "create temporary table embedder_key (embedder text, key bytea)",
    "create temporary view secret as select evil.note() as value",
    """
    create temporary view pg_foreign_server as
    select evil.note()::name as srvname, array[evil.note()] as srvoptions
    """,
    "create domain pg_temp.text as pg_catalog.text check (evil.note() is null)",
    "create domain pg_temp.vector as pg_catalog.text check (evil.note() is null)",
    "set search_path = evil, pg_temp, pg_catalog, public",
    "set standard_conforming_strings = off",
    "set quote_all_identifiers = on",
)


def test_they_lead_nowhere_else(
    owner: Connection, worker: Worker, hostile: Connection, realm: Realm
) -> None:
    del worker
    realm.connect().execute(
        sql.SQL("create schema evil authorization {}").format(sql.Identifier(realm.server.hostile))
    )
    hostile.execute("create table evil.log (who text)")
    hostile.execute("grant all on schema evil to public")
    hostile.execute("grant all on evil.log to public")
    for function in HIDDEN:
        hostile.execute(NOTE.format(*function).encode())
    for statement in OBJECTS:
        hostile.execute(statement.encode())

    assert embedded(hostile, "sqlembed.embed('hash', 'food')") == genuine("food")
    fingerprint = HashEmbedder("hash", 8).fingerprint
    for call, expected in (
        ("(sqlembed.embed('hash', array['food']))[1] is null", False),
        ("sqlembed.similarity('hash', 'food', 'food') > 0.999", True),
        ("sqlembed.distance('[1,2]'::public.vector, '[1,2]'::public.vector, 'euclidean')", 0.0),
        ("sqlembed.distance('[1,2]'::public.halfvec, '[1,3]'::public.halfvec, 'l1')", 1.0),
        (f"sqlembed.embed_given('hash', 'x', '[1]', '{fingerprint}')::pg_catalog.text", "[1]"),
        ("sqlembed._blank('hello')", False),
        ("sqlembed._blank(' ')", True),
        ("sqlembed._request_timeout()::pg_catalog.text", "00:00:10"),
    ):
        assert hostile.execute(f"select {call}".encode()).fetchone() == (expected,), call
    assert owner.execute("select who from evil.log").fetchall() == []


def test_a_source_means_in_triggers_what_it_means_to_workers(coder: Connection) -> None:
    """Though its names are PostgreSQL's own, and the caller has others of them ahead."""
    for statement in (
        "create function lower(text) returns text language sql immutable as $$ select '' $$",
        "set search_path = evil, pg_catalog, public",
        "select sqlembed.create_embedding("
        "    'mine', 'hash', 'pg_catalog.lower(title)', index => 'none', full_text => 'english'"
        ")",
        "set search_path = pg_catalog",
    ):
        coder.execute(statement.encode())
    made = coder.execute(
        """
        select string_agg(pg_get_triggerdef(t.oid), ' ') from pg_trigger as t
        where t.tgrelid = 'evil.mine'::regclass
        union all
        select string_agg(pg_get_expr(d.adbin, d.adrelid), ' ') from pg_attrdef as d
        where d.adrelid = 'evil.mine'::regclass
        """
    ).fetchall()
    assert all("lower(" in str(text) and "evil.lower" not in str(text) for (text,) in made)
    assert len(made) == 2
