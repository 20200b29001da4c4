"""A server that asks everybody for a password, and sqlembed in it owned by an ordinary role.

Where connections are trusted, tests of rights would prove nothing.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from psycopg import sql

from sqlembed import config
from sqlembed.schema import loopback, migrate
from sqlembed.server import Server
from tests.fix_database import Connection, database_url

#: Of every role that these tests make, and of the embedded server's superuser.
PASSWORD = "correct horse"

#: What the README tells an administrator to run once for a cluster.
ADMINISTER_CLUSTER = """
create role sqlembed_loopback login noinherit password 'LOOPBACK_PASSWORD';
alter role sqlembed_loopback set track_activities = off;
"""

#: And what once for a database ``app``, whose schema sqlembed is to belong to ``app_owner``.
ADMINISTER_DATABASE = """
create extension vector;
create schema sqlembed_dblink;
create extension dblink schema sqlembed_dblink;
create schema sqlembed authorization app_owner;
grant usage on schema sqlembed_dblink to app_owner;
grant usage on foreign data wrapper dblink_fdw to app_owner;
grant create on database app to app_owner;
"""

#: And what once for a cluster whose readers, writers and workers are to have roles.
ADMINISTER_ROLES = """
create role sqlembed_reader nologin;
create role sqlembed_writer nologin in role sqlembed_reader;
create role sqlembed_worker nologin;
"""


@dataclass(frozen=True)
class PasswordServer:
    """A server, and the roles on it that have nothing but the right to log in."""

    admin: Connection
    admin_url: str
    loopback_password: str
    #: Owns the schema sqlembed, and the tables of applications.
    owner: str
    #: A user like others.
    user: str
    #: A user that wants more.
    hostile: str

    def url(self, database: str, role: str | None = None) -> str:
        """Return the URL of a database for a role; without one, for the superuser."""
        url = sa.make_url(config.sqlalchemy_url(database_url(self.admin_url, database)))
        if role is not None:
            password = self.loopback_password if role == "sqlembed_loopback" else PASSWORD
            url = url.set(username=role, password=password)
        return config.libpq_url(url.render_as_string(hide_password=False))

    def create(self, database: str, options: str = "") -> None:
        self.admin.execute(
            sql.SQL("create database {} {}").format(sql.Identifier(database), sql.SQL(options))
        )

    def drop(self, database: str) -> None:
        self.admin.execute(
            sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(database))
        )

    def administer(self, database: str) -> None:
        """Do what an administrator does before the owner migrates."""
        script = ADMINISTER_DATABASE.replace("app_owner", self.owner).replace(
            "database app ", f"database {database} "
        )
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(script)

    def engine(self, database: str, role: str | None = None) -> sa.Engine:
        return sa.create_engine(
            config.sqlalchemy_url(self.url(database, role)), poolclass=sa.NullPool
        )


@dataclass(frozen=True)
class Realm:
    """A database of the test's own on that server, with sqlembed installed."""

    server: PasswordServer
    database: str
    _open: ExitStack = field(default_factory=ExitStack)

    def url(self, role: str | None = None) -> str:
        return self.server.url(self.database, role)

    def connect(self, role: str | None = None) -> Connection:
        """Open a connection in autocommit, closed with the test; without a role, a superuser's."""
        return self._open.enter_context(psycopg.connect(self.url(role), autocommit=True))

    def close(self) -> None:
        self._open.close()


@pytest.fixture(scope="session")
def password_server(request: pytest.FixtureRequest) -> Iterator[PasswordServer]:
    """A server that asks for passwords: the given one, if it does, else an embedded one."""
    given = os.environ.get("SQLEMBED_TEST_DATABASE_URL")
    if given and _asks_for_passwords(config.libpq_url(given)):
        yield from _with_roles(config.libpq_url(given))
        return
    folder: Path = request.getfixturevalue("reachable_folder")
    server = Server(folder / "scram", durable=False)
    server.start()
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(sql.SQL("alter role postgres password {}").format(PASSWORD))
        (server.data_dir / "cluster" / "pg_hba.conf").write_text("local all all scram-sha-256\n")
        connection.execute("select pg_reload_conf()")
    url = sa.make_url(config.sqlalchemy_url(server.url())).set(password=PASSWORD)
    admin_url = config.libpq_url(url.render_as_string(hide_password=False))
    assert _asks_for_passwords(admin_url)
    yield from _with_roles(admin_url)
    server.stop()


def _with_roles(admin_url: str) -> Iterator[PasswordServer]:
    suffix = uuid.uuid4().hex[:8]
    roles = [f"{name}_{suffix}" for name in ("app_owner", "user", "hostile")]
    with psycopg.connect(admin_url, autocommit=True) as admin:
        known = _loopback_passwords(admin, admin_url)
        loopback_password = known[0] if known else uuid.uuid4().hex
        if not known:
            admin.execute("drop role if exists sqlembed_loopback")
            admin.execute(ADMINISTER_CLUSTER.replace("LOOPBACK_PASSWORD", loopback_password))
        for role in roles:
            admin.execute(
                sql.SQL("create role {} login password {}").format(sql.Identifier(role), PASSWORD)
            )
        yield PasswordServer(admin, admin_url, loopback_password, *roles)
        for role in roles:
            admin.execute(sql.SQL("drop role {}").format(sql.Identifier(role)))


def _loopback_passwords(admin: Connection, admin_url: str) -> list[str]:
    """Return the password of the loopback where other tests have installed sqlembed."""
    names = [str(name) for (name,) in admin.execute(loopback.SIBLINGS)]
    return list(loopback.sibling_passwords(sa.make_url(config.sqlalchemy_url(admin_url)), names))


def _asks_for_passwords(url: str) -> bool:
    role = f"probe_{uuid.uuid4().hex[:8]}"
    name = sql.Identifier(role)
    wrong = sa.make_url(config.sqlalchemy_url(url)).set(username=role, password="wrong")
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(sql.SQL("create role {} login password {}").format(name, PASSWORD))
        try:
            psycopg.connect(config.libpq_url(wrong.render_as_string(hide_password=False))).close()
        except psycopg.OperationalError:
            return True
        finally:
            admin.execute(sql.SQL("drop role {}").format(name))
    return False


@pytest.fixture(scope="session")
def owned_template(password_server: PasswordServer) -> Iterator[str]:
    """Name of a database in which an ordinary role has installed sqlembed, to be cloned."""
    name = f"owned_{uuid.uuid4().hex[:8]}"
    password_server.create(name)
    password_server.administer(name)
    engine = password_server.engine(name, password_server.owner)
    problems = migrate.upgrade(engine, loopback_password=password_server.loopback_password)
    assert problems == []
    yield name
    password_server.drop(name)


@pytest.fixture
def realm(password_server: PasswordServer, owned_template: str) -> Iterator[Realm]:
    """A database of the test's own, in which an ordinary role owns sqlembed."""
    name = f"realm_{uuid.uuid4().hex[:8]}"
    password_server.create(name, f"template {owned_template} strategy wal_log")
    # A clone has its template's objects, but not the rights on the database itself.
    password_server.admin.execute(
        sql.SQL("grant create on database {} to {}").format(
            sql.Identifier(name), sql.Identifier(password_server.owner)
        )
    )
    realm = Realm(password_server, name)
    owner = realm.connect(password_server.owner)
    assert owner.execute(
        "select sqlembed._configure_loopback(null, %s)", (owner.info.host,)
    ).fetchone() == (True,)
    yield realm
    realm.close()
    password_server.drop(name)
