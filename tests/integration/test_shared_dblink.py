"""Where everybody can call dblink, no connection stays to be ridden on or replaced."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from sqlembed.schema import migrate
from sqlembed.worker import Worker
from tests.fix_database import Connection
from tests.fix_hostile import embedded, genuine, refused
from tests.fix_scram import ADMINISTER_DATABASE, PasswordServer, Realm

CATCHER = """
create schema sqlembed_wire;
create table sqlembed_wire.caught (texts text, ticket text);
create procedure sqlembed_wire.request(
    embedder text, kind text, inputs text[], ticket bytea, slice_ms int,
    inout id bigint default null, inout done boolean default false,
    inout result public.vector[] default null
)
language plpgsql as $$
begin
    insert into sqlembed_wire.caught values (inputs::text, ticket::text);
    done := true;
    result := array_fill('[6,6,6,6,6,6,6,6]'::public.vector, array[cardinality(inputs)]);
end $$;
"""


@pytest.fixture
def realm(password_server: PasswordServer) -> Iterator[Realm]:
    """A database where somebody had put dblink into ``public``, within everybody's reach."""
    name = f"shared_{uuid.uuid4().hex[:8]}"
    password_server.create(name)
    realm = Realm(password_server, name)
    admin = realm.connect()
    admin.execute("create extension dblink schema public")
    script = ADMINISTER_DATABASE.replace("app_owner", password_server.owner)
    for line in script.replace("database app ", f"database {name} ").strip().splitlines():
        if "sqlembed_dblink" not in line:
            admin.execute(line.encode())
    engine = password_server.engine(name, password_server.owner)
    assert migrate.upgrade(engine, loopback_password=password_server.loopback_password) == []
    yield realm
    realm.close()
    password_server.drop(name)


@pytest.fixture
def url(realm: Realm) -> str:
    return realm.url(realm.server.owner)


@pytest.fixture
def served(owner: Connection, worker: Worker) -> Connection:
    """The owner's connection, while a worker serves ``hash``."""
    del worker
    return owner


@pytest.fixture
def catcher(realm: Realm) -> Iterator[tuple[Connection, str]]:
    """A database of the hostile role that answers as ours would, and notes what it is sent."""
    name = f"catcher_{uuid.uuid4().hex[:8]}"
    server = realm.server
    server.create(name, f"owner {server.hostile}")
    with psycopg.connect(server.url(name), autocommit=True) as admin:
        admin.execute("create extension vector")
    with psycopg.connect(server.url(name, server.hostile), autocommit=True) as connection:
        connection.execute(CATCHER)
        parts = conninfo_to_dict(server.url(name, server.hostile))
        yield connection, " ".join(f"{key}='{value}'" for key, value in parts.items())
    server.drop(name)


def test_nothing_stays_to_ride_on(served: Connection, hostile: Connection) -> None:
    del served
    assert embedded(hostile, "sqlembed.embed('hash', 'food')") == genuine("food")
    assert hostile.execute("select dblink_get_connections()").fetchone() == (None,)


def test_nothing_stays_after_an_error(owner: Connection, hostile: Connection) -> None:
    del owner
    with pytest.raises(psycopg.Error, match="no worker that serves embedder hash"):
        hostile.execute("select sqlembed.embed('hash', 'food')")
    assert hostile.execute("select dblink_get_connections()").fetchone() == (None,)


def test_a_connection_of_the_callers_gets_no_text_and_gives_no_vector(
    served: Connection, hostile: Connection, catcher: tuple[Connection, str]
) -> None:
    """A function with its owner's rights may send what the caller must not read."""
    caught, conninfo = catcher
    for statement in (
        "create schema app",
        "grant usage on schema app to public",
        """
        create function app.secret_vector() returns public.vector
        language sql stable security definer set search_path = pg_catalog, pg_temp
        as $$ select sqlembed.embed('hash', 'a secret') $$
        """,
    ):
        served.execute(statement)
    for name in ("sqlembed", "sqlembed_loopback"):
        hostile.execute("select dblink_connect(%s, %s)", (name, conninfo))
    assert embedded(hostile, "sqlembed.embed('hash', 'food')") == genuine("food")
    assert embedded(hostile, "app.secret_vector()") == genuine("a secret")
    assert caught.execute("select texts, ticket from sqlembed_wire.caught").fetchall() == []
    assert embedded(served, "sqlembed.embed('hash', 'a secret')") == genuine("a secret")
    poisoned = "select count(*) from sqlembed.cache where embedding::text like '%6,6%'"
    assert served.execute(poisoned).fetchone() == (0,)


def test_the_catcher_would_have_caught(
    hostile: Connection, catcher: tuple[Connection, str]
) -> None:
    caught, conninfo = catcher
    hostile.execute("select dblink_connect('sqlembed', %s)", (conninfo,))
    hostile.execute(
        """
        select done
        from dblink('sqlembed', $$call sqlembed_wire.request('a', 'b', '{x}', 't', 1)$$)
            as t (id bigint, done boolean, result public.vector[])
        """
    )
    assert caught.execute("select texts from sqlembed_wire.caught").fetchall() == [("{x}",)]


def test_the_server_and_the_mapping_are_the_owners(hostile: Connection) -> None:
    for statement in (
        "select dblink_connect('mine', 'sqlembed_loopback')",
        "select * from dblink('sqlembed_loopback', 'select 1') as t (one int)",
    ):
        assert refused(hostile, statement)


def test_a_call_of_many_slices_works_too(served: Connection) -> None:
    """Each slice has a connection of its own."""
    row = served.execute(
        """
        select (sqlembed.embed('hash', array_agg('t' || i)))[2500]::real[]
        from generate_series(1, 2500) as i
        """
    ).fetchone()
    assert row is not None
    assert isinstance(row[0], list)
    assert [round(x, 5) for x in row[0]] == genuine("t2500")
