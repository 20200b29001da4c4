"""What migrate puts right in a database that was copied, restored or changed under it."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
import sqlalchemy as sa
from psycopg.conninfo import conninfo_to_dict

from sqlembed import config
from sqlembed.embedders import Registry
from sqlembed.schema import functions, migrate
from sqlembed.worker import Worker
from tests.fix_database import Connection
from tests.fix_hostile import embedded, genuine
from tests.fix_scram import PasswordServer

FOOD = "sqlembed.embed('hash', 'food')"


@pytest.fixture
def engine(url: str) -> sa.Engine:
    return sa.create_engine(config.sqlalchemy_url(url), poolclass=sa.NullPool)


def test_functions_follow_an_extension_to_another_schema(
    connection: Connection, engine: sa.Engine, worker: Worker
) -> None:
    del worker
    connection.execute("create table t (id int primary key, title text)")
    connection.execute("select sqlembed.create_embedding('t', 'hash', 'title')")
    connection.execute('create schema "else where"')
    connection.execute('alter extension dblink set schema "else where"')
    connection.execute('alter extension vector set schema "else where"')
    with pytest.raises(psycopg.Error, match="does not exist"):
        connection.execute("select " + FOOD)
    assert migrate.upgrade(engine) == []
    assert embedded(connection, FOOD) == genuine("food")
    with engine.connect() as inside:
        assert functions.drift(inside) == {}
    connection.execute("insert into t values (1, 'food')")
    connection.execute("call sqlembed.wait_until_embedded('t', '20 s')")
    found = connection.execute("select (base).id from sqlembed.search(null::t, 'food')")
    assert found.fetchall() == [(1,)]


def test_the_loopback_gets_its_rights_back(
    connection: Connection, engine: sa.Engine, worker: Worker
) -> None:
    """A database may be restored on a server that has not had its role yet."""
    del worker
    for what in ("usage on schema", "execute on all routines in schema"):
        connection.execute(f"revoke {what} sqlembed_wire from sqlembed_loopback".encode())
    with pytest.raises(psycopg.Error, match="permission denied"):
        connection.execute("select " + FOOD)
    assert migrate.upgrade(engine) == []
    assert embedded(connection, FOOD) == genuine("food")


def test_what_is_right_is_left_alone(connection: Connection, engine: sa.Engine) -> None:
    """Functions that are replaced make every session plan anew."""
    made = "select min(xmin::text::bigint) from pg_proc where proname = 'embed'"
    before = connection.execute(made).fetchone()
    assert migrate.upgrade(engine) == []
    assert connection.execute(made).fetchone() == before


def test_a_server_at_another_port_is_not_spoken_to(
    connection: Connection, engine: sa.Engine, registry: Registry
) -> None:
    registry.sync(engine)
    connection.execute("alter server sqlembed_loopback options (set port '1')")
    with pytest.raises(psycopg.Error, match="still leads to port 1") as raised:
        connection.execute("select " + FOOD)
    assert (raised.value.sqlstate, raised.value.diag.message_hint) == (
        "SE007",
        "Run sqlembed migrate on this database.",
    )


@pytest.fixture
def namesake(connection: Connection, password_server: PasswordServer) -> Iterator[str]:
    """The folder of another server's socket, which has a database of the same name."""
    name = connection.info.dbname
    password_server.create(name)
    yield password_server.admin.info.host
    password_server.drop(name)


def test_another_server_that_answers_by_the_same_name_is_not_asked(
    connection: Connection,
    engine: sa.Engine,
    namesake: str,
    password_server: PasswordServer,
    worker: Worker,
) -> None:
    del worker
    connection.execute(f"alter server sqlembed_loopback options (set host '{namesake}')".encode())
    port = conninfo_to_dict(password_server.admin_url).get("port", "5432")
    if str(connection.info.port) != str(port):
        pytest.fail(f"the servers listen at {connection.info.port} and {port}")
    connection.execute(
        "alter user mapping for current_user server sqlembed_loopback"
        f" options (set password '{password_server.loopback_password}')".encode()
    )
    for _ in range(2):
        with pytest.raises(psycopg.Error, match="leads to another server") as raised:
            connection.execute("select " + FOOD)
        assert raised.value.sqlstate == "SE007"
    assert migrate.upgrade(engine) == []
    assert embedded(connection, FOOD) == genuine("food")
