"""``sqlembed map``: a table as a picture."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.commands import Command, Done, command, folder, loaded
from tests.writing import Connection, run, scalar

__all__ = ["command", "folder", "loaded"]

MODELS = "select count(*) from sqlembed.cluster_model"


@pytest.fixture
def asked(loaded: Done, url: str) -> tuple[str, ...]:
    """The command, up to what to draw."""
    del loaded
    return ("map", "report", "--database-url", url, "--json", "--out")


def test_clusters_on_a_page(
    command: Command, asked: tuple[str, ...], folder: Path, connection: Connection
) -> None:
    done = command(*asked, "map.html", "--color", "cluster", "-k", "3")

    assert done.code == 0, done.error
    drawn = scalar(connection, "select count(*) from report where embedding is not null")
    assert done.document["rows"] == drawn
    assert len(done.document["groups"]) == 3
    assert sum(group["rows"] for group in done.document["groups"]) == drawn
    assert all(": " in group["name"] for group in done.document["groups"])
    assert "<html" in (folder / "map.html").read_text(encoding="utf-8")
    assert scalar(connection, MODELS) == 0


def test_a_column_on_an_image(
    command: Command, asked: tuple[str, ...], folder: Path, connection: Connection
) -> None:
    run(connection, """alter table report rename column state to "St'ate %s" """)
    try:
        done = command(*asked, "map.png", "--color", "St'ate %s", "--filter", "comments like '%'")
    finally:
        run(connection, """alter table report rename column "St'ate %s" to state""")

    assert done.code == 0, done.error
    assert {group["name"] for group in done.document["groups"]} >= {"OK", "TX"}
    assert (folder / "map.png").read_bytes().startswith(b"\x89PNG")


def test_a_column_of_many_numbers_gets_a_scale(
    command: Command, asked: tuple[str, ...], connection: Connection
) -> None:
    run(connection, "alter table report add cluster int")
    run(
        connection,
        "insert into report (comments, embedding, cluster)"
        " select 'number ' || n, embedding, n from generate_series(1, 30) as n,"
        " (select embedding from report where embedding is not null limit 1) as one",
    )

    done = command(*asked, "map.html", "--color", "cluster", "--rows", "20")

    assert done.code == 0, done.error
    assert done.document["rows"] == 20
    # A column comes before clusters that would have to be found.
    assert all(":" not in group["name"] for group in done.document["groups"])
    everything = command(*asked, "map.html", "--color", "cluster")
    assert everything.document["groups"] == []


def test_a_few_rows_and_amounts_of_money(
    command: Command, asked: tuple[str, ...], connection: Connection
) -> None:
    done = command(*asked, "map.html", "--color", "cluster")
    assert done.code == 0, done.error
    assert 1 <= len(done.document["groups"]) <= 3
    run(connection, "alter table report add cost money")
    run(
        connection,
        "insert into report (comments, embedding, cost)"
        " select 'number ' || n, embedding, n::numeric::money from generate_series(1, 30) as n,"
        " (select embedding from report where embedding is not null limit 1) as one",
    )

    done = command(*asked, "map.html", "--color", "cost")

    assert done.code == 0, done.error
    assert "$1.00" in {group["name"] for group in done.document["groups"]}


def test_what_cannot_be(
    command: Command, asked: tuple[str, ...], folder: Path, connection: Connection, url: str
) -> None:
    for arguments, said in [
        (("map.html", "--color", "stat"), "Did you mean state?"),
        (("map.html", "--color", "nowhere"), "no column nowhere"),
        (("map.html", "--filter", "nothing > 1"), "nothing"),
        (("map.html", "--filter", "id = 1"), "1 rows with a vector"),
        (("map.jpg",), "neither with .html nor with .png"),
        (("nowhere/map.html",), "there is no folder nowhere"),
    ]:
        refused = command(*asked, *arguments)
        assert refused.code == 2, (arguments, refused.error)
        assert said in refused.error
    run(connection, "create table plain (id int primary key)")
    refused = command("map", "plain", "--out", "map.html", "--database-url", url)
    assert refused.code == 2
    assert "has no embedding" in refused.error
    assert not (folder / "map.html").exists()
