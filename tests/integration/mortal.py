"""A server of a test's own, which it may bring down."""

from __future__ import annotations

import os
import signal
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from sqlembed import config
from sqlembed.schema import migrate
from sqlembed.server import Server
from tests.fix_gate import wait_for
from tests.writing import Connection, run, scalar


@dataclass(frozen=True)
class Mortal:
    """A server that may be brought down, and a database of the test's own in it."""

    server: Server
    database: str

    @property
    def url(self) -> str:
        return self.server.url(self.database)

    def connect(self) -> Connection:
        return psycopg.connect(self.url, autocommit=True)


@pytest.fixture(scope="module")
def mortal_server(reachable_folder: Path) -> Iterator[Server]:
    """A server whose database ``installed`` has sqlembed."""
    server = Server(reachable_folder / f"mortal-{os.getpid()}-{time.monotonic_ns()}", durable=False)
    server.start()
    with psycopg.connect(server.url(), autocommit=True) as connection:
        run(connection, "create database installed")
    url = config.sqlalchemy_url(server.url("installed"))
    assert migrate.upgrade(sa.create_engine(url, poolclass=sa.NullPool)) == []
    yield server
    server.stop()


@pytest.fixture
def mortal(mortal_server: Server) -> Mortal:
    """The server, and a database with sqlembed."""
    mortal = Mortal(mortal_server, f"test_{uuid.uuid4().hex[:8]}")
    with psycopg.connect(mortal_server.url(), autocommit=True) as connection:
        run(connection, f"create database {mortal.database} template installed strategy wal_log")
    with mortal.connect() as connection:
        run(connection, "select sqlembed._configure_loopback()")
    return mortal


def bring_down(mortal: Mortal, way: str) -> None:
    """End all sessions, and, but for a crash from which it recovers by itself, the server.

    Args:
        mortal: the server.
        way: ``fast`` as an administrator does it, ``immediate`` when there is no time, ``crash``
            when the system kills one of its processes for want of memory.
    """
    server = mortal.server
    pid_file = server.data_dir / "cluster" / "postmaster.pid"
    if way == "fast":
        server.stop()
    elif way == "immediate":
        os.kill(int(pid_file.read_text().split()[0]), signal.SIGQUIT)
        wait_for(lambda: not pid_file.exists() or not server.is_running())
    else:
        with mortal.connect() as victim:
            os.kill(int(scalar(victim, "select pg_backend_pid()")), signal.SIGKILL)
            with pytest.raises(psycopg.OperationalError):
                run(victim, "select pg_sleep(20)")


def bring_up(mortal: Mortal) -> None:
    """Have it answer again."""
    mortal.server.start()

    def answers() -> bool:
        try:
            mortal.connect().close()
        except psycopg.OperationalError:
            return False
        return True

    wait_for(answers)
