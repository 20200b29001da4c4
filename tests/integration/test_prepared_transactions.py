"""Two-phase commit: a transaction that wrote to an embedded table can be prepared."""

from __future__ import annotations

import time

import pytest

from tests.fix_worker import serving
from tests.integration.mortal import Mortal, bring_down, bring_up, mortal, mortal_server
from tests.integration.syncing import waiting
from tests.writing import declare, hash_registry, outdated, register, run, scalar

__all__ = ["mortal", "mortal_server"]


@pytest.fixture
def preparing(mortal: Mortal) -> Mortal:
    """A server that allows prepared transactions, which none does unless told."""
    with mortal.connect() as connection:
        run(connection, "alter system set max_prepared_transactions = 5")
    bring_down(mortal, "fast")
    bring_up(mortal)
    return mortal


def test_prepared_transactions_are_embedded_like_others(preparing: Mortal) -> None:
    with preparing.connect() as connection, serving(preparing.url, hash_registry()):
        register(connection)
        run(
            connection,
            """
            create table by_row (id int primary key, title text);
            create table beside (id int primary key, title text);
            create table at_once (id int primary key, title text);
            create table parted (id int primary key, title text) partition by range (id);
            create table part partition of parted for values from (1) to (9)
            """,
        )
        declare(connection, "by_row", "title")
        declare(connection, "beside", "title", place="side")
        declare(connection, "at_once", "title", timing="sync")
        declare(connection, "parted", "title")
        # Long enough for the worker to have nothing to do.
        time.sleep(0.5)
        run(connection, "begin")
        for table in ("by_row", "beside", "at_once", "parted"):
            run(connection, f"insert into {table} values (1, 'one'), (2, 'two')")
        run(connection, "prepare transaction 'ours'")
        assert scalar(connection, "select count(*) from sqlembed._queued") == 0
        run(connection, "commit prepared 'ours'")
        assert outdated(connection, "at_once", "title") == []
        for table in ("by_row", "beside", "parted"):
            run(connection, f"call sqlembed.wait_until_embedded('{table}', '20 s')")
        assert waiting(connection) == 0
        assert outdated(connection, "by_row", "title") == []
        assert outdated(connection, "parted", "title") == []
        assert scalar(connection, "select count(*) from beside_embedding") == 2
