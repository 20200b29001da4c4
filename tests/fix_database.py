"""A real PostgreSQL for every test: a server a session, a database a test."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from psycopg import sql
from psycopg.conninfo import make_conninfo

from sqlembed import config
from sqlembed.schema import migrate
from sqlembed.server import Server

Connection = psycopg.Connection[tuple[object, ...]]


#: Where there is that much memory free, in bytes, servers keep their files in it: on some disks
#: making a database takes thirty times as long.
ROOMY = 6 << 30
MEMORY = Path("/dev/shm")


def _is_roomy() -> bool:
    """Return whether servers may keep their files in memory."""
    if not os.access(MEMORY, os.W_OK):
        return False
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min(free, shutil.disk_usage(MEMORY).free) > ROOMY


@pytest.fixture(scope="session")
def reachable_folder() -> Iterator[Path]:
    """A folder that an unprivileged server can reach too, which pytest's own is not as root."""
    place = MEMORY if _is_roomy() else None
    folder = Path(tempfile.mkdtemp(prefix="sqlembed-test-", dir=place))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def server_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """URL of a server on which tests may make databases and roles, as a superuser."""
    given = os.environ.get("SQLEMBED_TEST_DATABASE_URL")
    if given:
        yield config.libpq_url(given)
    elif request.config.getoption("--docker"):
        from testcontainers.postgres import PostgresContainer

        with PostgresContainer("pgvector/pgvector:pg18", driver=None) as container:
            yield str(container.get_connection_url())
    else:
        folder: Path = request.getfixturevalue("reachable_folder")
        server = Server(folder / "server", durable=False)
        server.start()
        yield server.url()
        server.stop()


def database_url(server_url: str, name: str) -> str:
    """Return the URL of another database of the server."""
    url = sa.make_url(config.sqlalchemy_url(server_url)).set(database=name)
    return config.libpq_url(url.render_as_string(hide_password=False))


@pytest.fixture(scope="session")
def admin(server_url: str) -> Iterator[Connection]:
    """A superuser's connection to the server's own database, in autocommit."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def template(server_url: str, admin: Connection) -> Iterator[str]:
    """Name of a database in which sqlembed is installed, to be cloned."""
    name = f"template_{uuid.uuid4().hex[:8]}"
    admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    engine = sa.create_engine(config.sqlalchemy_url(database_url(server_url, name)))
    assert migrate.upgrade(engine) == []
    engine.dispose()
    yield name
    admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def empty_url(server_url: str, admin: Connection) -> Iterator[str]:
    """URL of an empty database of the test's own, without sqlembed."""
    name = f"empty_{uuid.uuid4().hex[:8]}"
    admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    yield database_url(server_url, name)
    admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def url(server_url: str, admin: Connection, template: str) -> Iterator[str]:
    """URL of a database of the test's own, with sqlembed installed."""
    name = f"test_{uuid.uuid4().hex[:8]}"
    admin.execute(
        sql.SQL("create database {} template {} strategy wal_log").format(
            sql.Identifier(name), sql.Identifier(template)
        )
    )
    url = database_url(server_url, name)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("select sqlembed._configure_loopback()")
    yield url
    admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def connection(url: str) -> Iterator[Connection]:
    """A superuser's connection to the test's own database, in autocommit."""
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def engine(url: str) -> Iterator[sa.Engine]:
    """A SQLAlchemy engine for the test's own database."""
    engine = sa.create_engine(config.sqlalchemy_url(url))
    yield engine
    engine.dispose()


@pytest.fixture
def role(admin: Connection) -> Iterator[str]:
    """A role without any right, which needs no password where the server trusts."""
    name = f"role_{uuid.uuid4().hex[:8]}"
    admin.execute(sql.SQL("create role {} login password 'secret'").format(sql.Identifier(name)))
    yield name
    for (database,) in admin.execute(
        "select datname from pg_database where datallowconn and not datistemplate"
    ).fetchall():
        with psycopg.connect(
            make_conninfo(admin.info.dsn, dbname=str(database)), autocommit=True
        ) as connection:
            connection.execute(sql.SQL("drop owned by {} cascade").format(sql.Identifier(name)))
    admin.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))
