"""Partitions and inheritance children: whichever table a statement names, each row is noticed."""

from __future__ import annotations

import pytest

from tests.writing import Connection, declare, embed_all, outdated, refused, rows, run, scalar


@pytest.fixture(params=["hide", "keep"])
def partitioned(shared: Connection, request: pytest.FixtureRequest) -> Connection:
    run(
        shared,
        """
        create table t (id int, year int, title text, primary key (id, year))
            partition by list (year);
        create table t1 partition of t for values in (1);
        create table t2 partition of t for values in (2) partition by hash (id);
        create table t2a partition of t2 for values with (modulus 2, remainder 0);
        create table t2b partition of t2 for values with (modulus 2, remainder 1);
        """,
    )
    declare(shared, "t", "title", on_change=request.param)
    return shared


def test_writes_straight_to_partitions_and_moves(partitioned: Connection, shared_url: str) -> None:
    run(partitioned, "insert into t1 values (1, 1, 'one')")
    run(partitioned, "insert into t2 select i, 2, 'row ' || i from generate_series(2, 9) as i")
    run(partitioned, "create table t3 partition of t for values in (3)")
    run(partitioned, "insert into t3 values (10, 3, 'ten')")
    embed_all(shared_url)
    assert outdated(partitioned, "t", "title") == []
    for statement in (
        "update t3 set title = 'changed'",
        "update t1 set title = 'changed too'",
        "update t set year = 3, title = 'moved ' || id where id = 5",
        "update t set year = 1 where id = 6",
        "update t2 set title = title || '!', id = id + 100 where id > 6",
    ):
        run(partitioned, statement)
        embed_all(shared_url)
        assert outdated(partitioned, "t", "title") == [], statement
    run(partitioned, "alter table t detach partition t3; update t3 set title = 'alone'")
    embed_all(shared_url)
    assert rows(partitioned, "select pending, failed, last_error from sqlembed.status") == [
        (0, 0, None)
    ]


def test_a_partition_that_is_attached_brings_its_rows(
    partitioned: Connection, shared_url: str
) -> None:
    run(partitioned, "create table t3 (like t including all)")
    run(partitioned, "insert into t3 values (10, 3, 'ten')")
    run(partitioned, "alter table t attach partition t3 for values in (3)")
    embed_all(shared_url)
    assert outdated(partitioned, "t", "title") == []


@pytest.mark.parametrize("on_change", ["hide", "keep"])
def test_children(shared: Connection, shared_url: str, on_change: str) -> None:
    run(shared, "create table p (id int primary key, title text)")
    run(shared, "create table c (primary key (id)) inherits (p)")
    declare(shared, "p", "title", on_change=on_change)
    run(shared, "insert into p values (1, 'one'); insert into c values (2, 'two')")
    run(shared, "create table later (primary key (id)) inherits (c)")
    run(shared, "insert into later values (3, 'three')")
    assert "later" in scalar(shared, "select last_error from sqlembed.status")
    embed_all(shared_url)
    embed_all(shared_url)
    assert outdated(shared, "p", "title") == []
    assert scalar(shared, "select last_error from sqlembed.status") is None
    run(shared, "update later set title = 'x'; update c set title = 'y' where id = 2")
    run(shared, "update p set title = title || '!'")
    embed_all(shared_url)
    assert outdated(shared, "p", "title") == []
    refused(shared, "SE011", "select sqlembed.create_embedding('c', 'hash', 'title')")


def test_triggers_that_were_disabled_come_back(partitioned: Connection, shared_url: str) -> None:
    run(partitioned, "alter table t disable trigger user")
    run(partitioned, "insert into t1 values (1, 1, 'one')")
    assert "disabled" in scalar(partitioned, "select last_error from sqlembed.status")
    run(partitioned, "select sqlembed.refresh_embedding('t')")
    run(partitioned, "insert into t1 values (2, 1, 'two')")
    embed_all(shared_url)
    assert outdated(partitioned, "t", "title") == []


def test_rows_that_replication_applies(partitioned: Connection, shared_url: str) -> None:
    run(partitioned, "create table o (id int primary key, title text)")
    declare(partitioned, "o", "title")
    run(partitioned, "set session_replication_role = replica")
    run(partitioned, "insert into t values (1, 1, 'one'); insert into o values (1, 'one')")
    embed_all(shared_url)
    run(partitioned, "update t set title = 'new'; update o set title = 'new'")
    run(partitioned, "reset session_replication_role")
    embed_all(shared_url)
    assert outdated(partitioned, "t", "title") == []
    assert outdated(partitioned, "o", "title") == []
