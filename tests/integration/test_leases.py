"""Rows that a worker has in hand are its own while it works, and others' when it is stuck."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from sqlembed.worker import jobs, leases, loop
from tests.fix_gate import Gate, wait_for
from tests.fix_worker import StartWorker
from tests.writing import Connection, declare, register, rows, run, scalar

LEASE = timedelta(seconds=0.3)


@pytest.fixture
def slow(
    connection: Connection, start_worker: StartWorker, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Gate, Gate]]:
    """Two workers behind gates, of which one has a row in hand for longer than a lease."""
    monkeypatch.setattr(jobs, "LEASE", LEASE)
    monkeypatch.setattr(loop, "SWEEP_EVERY", LEASE / 10)
    register(connection, "slow", dimensions=2)
    run(connection, "create table article (id int primary key, title text)")
    declare(connection, "article", "title", embedder="slow")
    gates = Gate(), Gate()
    for gate in gates:
        start_worker(gate.registry())
    run(connection, "insert into article values (1, 'food')")
    wait_for(lambda: any(gate.batches for gate in gates))
    yield gates
    for gate in gates:
        gate.opened.set()


def finish(connection: Connection, gates: tuple[Gate, Gate]) -> None:
    for gate in gates:
        gate.opened.set()
    wait_for(lambda: scalar(connection, "select count(*) from sqlembed._queued") == 0)
    assert rows(connection, "select embedding::real[] from article") == [([1.0, 4.0],)]


def test_a_call_that_takes_longer_than_a_lease_is_made_once(
    connection: Connection, slow: tuple[Gate, Gate]
) -> None:
    time.sleep(4 * LEASE.total_seconds())
    finish(connection, slow)
    assert [gate.batches for gate in slow if gate.batches] == [[["food"]]]


def test_what_a_stuck_worker_has_in_hand_is_done_by_another(
    connection: Connection, slow: tuple[Gate, Gate], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "STUCK", LEASE)
    wait_for(lambda: all(gate.batches for gate in slow))
    finish(connection, slow)
