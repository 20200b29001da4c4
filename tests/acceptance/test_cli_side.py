"""The command line on a table whose vectors stand in a side table."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from tests.acceptance.commands import Command, Done, command, folder, loaded
from tests.writing import Connection, rows, run

__all__ = ["command", "folder", "loaded"]


@pytest.fixture
def beside(loaded: Done, connection: psycopg.Connection[Any], command: Command, url: str) -> str:
    """The loaded table with its vectors beside it; returns the database's URL."""
    del loaded
    run(connection, "select sqlembed.drop_embedding('report', keep_column => false)")
    run(
        connection,
        "select sqlembed.create_embedding('report', 'hash', 'comments', place => 'side')",
    )
    done = command("worker", "--burst", "--database-url", url)
    assert done.code == 0, done.error
    return url


def test_search_status_and_doctor(beside: str, command: Command) -> None:
    asked = ("search", "report", "hail on the ground", "-k", "2", "--json")
    found = command(*asked, "--filter", "state <> 'TX'", "--database-url", beside)
    assert found.code == 0, found.error
    assert [hit["state"] for hit in found.document["hits"]] == ["OK"]
    shown = command("status", "--json", "--database-url", beside)
    assert shown.code == 0, shown.error
    for word in ('"total": 4', '"embedded": 3', '"blank": 1'):
        assert word in shown.output
    examined = command("doctor", "--json", "--database-url", beside)
    assert "3 of 4 rows embedded" in examined.output
    assert "are missing" not in examined.output


def test_doctor_misses_a_trigger(beside: str, command: Command, connection: Connection) -> None:
    ((name,),) = rows(
        connection, "select tgname from pg_trigger where tgname ~ '^sqlembed_truncate'"
    )
    run(connection, f"drop trigger {name} on report")
    examined = command("doctor", "--json", "--database-url", beside)
    assert "triggers of report are missing" in examined.output


def test_cluster(beside: str, command: Command, connection: Connection) -> None:
    asked = ("cluster", "report", "-k", "2", "--rows", "1", "--database-url", beside)
    found = command(*asked, "--json")
    assert found.code == 0, found.error
    clusters = found.document["clusters"]
    assert sum(cluster["size"] for cluster in clusters) == 3
    assert all(len(cluster["nearest"]) == 1 for cluster in clusters)
    assert all(cluster["terms"] for cluster in clusters)
    shown = command(*asked)
    statement = shown.output.strip().splitlines()[-1]
    assert statement.endswith("from report_embedding;")
    assert len(rows(connection, statement)) == 3
    kept = command(*asked, "--column", "cluster")
    assert "Column cluster of report_embedding is kept" in kept.output, kept.error
    assert rows(connection, "select count(cluster) from report_embedding") == [(3,)]
    by_density = command("cluster", "report", "--method", "hdbscan", "--database-url", beside)
    assert "in column cluster of report." in by_density.output, by_density.error
    assert rows(connection, "select count(cluster) from report") == [(3,)]


def test_uninstall_leaves_the_vectors(
    beside: str, command: Command, connection: Connection
) -> None:
    done = command("uninstall", "--yes", "--database-url", beside)
    assert done.code == 0, done.error
    assert len(rows(connection, "select id from report_embedding")) == 3
    run(connection, "update report set comments = 'new' where id = 1")
    run(connection, "truncate report")
