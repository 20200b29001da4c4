"""What embedding would cost, said before it is paid, and ``sqlembed refresh``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.acceptance.commands import Command, Done, command, folder, loaded

__all__ = ["command", "folder", "loaded"]

Connection = psycopg.Connection[tuple[Any, ...]]

#: Counts words, reads three of them, and fails when it is tried on the text that holds "never".
COUNTING = """
from sqlembed import Registry
from sqlembed.embedders import HashEmbedder


class Counting(HashEmbedder):
    max_tokens = 3

    def count_tokens(self, texts, kind="document"):
        return [len(text.split()) for text in texts]

    def _embed(self, texts, kind):
        if any("never" in text for text in texts):
            raise ValueError("never")
        return super()._embed(texts, kind)


registry = Registry()
registry.add(Counting("hash", 64))
"""

ROWS = """\
state,comments
TX,one two three four
TX,one two
TX,one two
OK,one
NE,
"""


@pytest.fixture
def counting(folder: Path) -> tuple[str, ...]:
    """A file of five rows, and the options that lead to an embedder that counts their words."""
    (folder / "counting.py").write_text(COUNTING)
    (folder / "rows.csv").write_text(ROWS)
    return ("--registry", "counting:registry")


def tables(connection: Connection) -> object:
    return connection.execute(
        "select count(*) from pg_class where relname in ('report', 'rows')"
    ).fetchone()


def test_a_load_is_counted_and_nothing_is_made(
    command: Command, url: str, connection: Connection, counting: tuple[str, ...]
) -> None:
    wanted = ("load", "rows.csv", "--table", "report", "--source", "comments", "--dry-run")
    done = command(*wanted, "--embedder", "hash", *counting, "--database-url", url, "--json")
    assert done.code == 0, done.error
    document = done.document
    (one,) = document.pop("embeddings")
    assert document == {
        "table": "report",
        "rows": 5,
        "columns": {"state": "text", "comments": "text"},
    }
    assert one.pop("seconds") >= 0
    assert one == {
        "embedding": "embedding",
        "embedder": "hash",
        "rows": 5,
        "blank": 1,
        "texts": 3,
        "cached": 0,
        "tokens": 3 + 2 + 1,
        "truncated": 1,
        "measured_on": 3,
    }
    assert tables(connection) == (0,)
    for table in ("embedder", "embedding", "change", "cache"):
        count = connection.execute(f"select count(*) from sqlembed.{table}".encode()).fetchone()
        assert count == (0,), table
    # For people, and with what a real load would refuse too.
    shown = command(*wanted, "--embedder", "hash", *counting, "--database-url", url)
    assert "distinct texts                      3" in shown.output
    assert "Nothing was changed" in shown.output
    refused = command(
        *("load", "rows.csv", "--table", "report", "--source", "nope", "--dry-run"),
        *("--embedder", "hash", *counting, "--database-url", url),
    )
    assert refused.code == 2 and 'column "nope" does not exist' in refused.error
    assert tables(connection) == (0,)


@pytest.mark.usefixtures("loaded")
def test_adding_to_a_table_is_counted_by_its_embeddings(
    command: Command, url: str, connection: Connection, counting: tuple[str, ...]
) -> None:
    place = ("--database-url", url)
    before = "select array_agg(r order by id) from report as r"
    rows = connection.execute(before).fetchone()
    for how in ("--append", "--replace"):
        done = command(
            *("load", "rows.csv", "--table", "report", how, "--dry-run", "--json"),
            *(*counting, *place),
        )
        assert done.code == 0, done.error
        (one,) = done.document["embeddings"]
        assert (one["embedding"], one["rows"], one["texts"], one["tokens"]) == (
            "embedding",
            5,
            3,
            6,
        )
    assert connection.execute(before).fetchone() == rows
    exists = command("load", "rows.csv", "--table", "report", "--dry-run", *place)
    assert exists.code == 2 and "--append" in exists.error


@pytest.mark.usefixtures("loaded")
def test_refresh(
    command: Command, url: str, connection: Connection, counting: tuple[str, ...]
) -> None:
    place = ("--database-url", url)
    connection.execute("delete from sqlembed.cache")
    counted = command("refresh", "report", "--dry-run", "--json", *counting, *place)
    assert counted.code == 0, counted.error
    (one,) = counted.document["embeddings"]
    assert [one[name] for name in ("rows", "blank", "texts", "cached", "tokens")] == [4, 1, 3, 0, 9]
    assert connection.execute("select count(*) from sqlembed.change").fetchone() == (0,)
    connection.execute(
        """
        insert into sqlembed.cache (fingerprint, kind, input_hash, embedding)
        select e.fingerprint, 'document', sha256('Large trees down'), '[1]'
        from sqlembed.embedder as e
        """
    )
    some = ("--filter", "state = 'TX'")
    counted = command("refresh", "report", "--dry-run", "--json", *some, *counting, *place)
    (one,) = counted.document["embeddings"]
    assert [one[name] for name in ("rows", "texts", "cached", "tokens")] == [2, 2, 1, 3]

    connection.execute("delete from sqlembed.cache")
    connection.execute("update report set embedding = array_fill(1, array[64])::vector")
    done = command("refresh", "report", *some, "--json", *place)
    assert done.code == 0, done.error
    assert done.document == {
        "table": "report",
        "embedding": "embedding",
        "queued": 2,
        "failed": 0,
    }
    ones = "select count(*) from report where embedding = array_fill(1, array[64])::vector"
    assert connection.execute(ones).fetchone() == (2,)
    queued = command("refresh", "report", "--no-wait", *place)
    assert queued.output == "4 rows of report wait for a worker.\n"
    wrong = command("refresh", "report", "--filter", "nope", *place)
    assert (wrong.code, "filter is not valid" in wrong.error) == (2, True)
    wrong = command("refresh", "report", "--filter", "nope", "--dry-run", *counting, *place)
    assert (wrong.code, "nope" in wrong.error) == (2, True)


@pytest.mark.usefixtures("loaded")
def test_what_cannot_be_told_is_not_made_up(
    command: Command, url: str, connection: Connection, counting: tuple[str, ...], folder: Path
) -> None:
    connection.execute("update report set comments = 'never' where id = 1")
    connection.execute("delete from sqlembed.cache")
    done = command("refresh", "report", "--dry-run", "--json", *counting, "--database-url", url)
    (one,) = done.document["embeddings"]
    assert (one["tokens"], one["seconds"]) == (7, None)
    assert "the time cannot be told" in done.error
    # Nor by a registry that has another embedder, or none of this name.
    other = ("--registry", "my_embedders:other")
    refused = command("refresh", "report", "--dry-run", *other, "--database-url", url)
    assert refused.code == 2 and "not the one that made" in refused.error
    (folder / "none.py").write_text("import sqlembed\nregistry = sqlembed.Registry()\n")
    none = ("--registry", "none:registry")
    done = command("refresh", "report", "--dry-run", "--json", *none, "--database-url", url)
    (one,) = done.document["embeddings"]
    assert (one["texts"], one["tokens"], one["seconds"]) == (3, None, None)
    assert "not in this registry" in done.error


def test_a_dry_run_needs_no_right_to_the_cache(
    command: Command, url: str, connection: Connection, counting: tuple[str, ...], role: str
) -> None:
    connection.execute(f"grant create on schema public to {role}".encode())
    theirs = psycopg.conninfo.make_conninfo(url, user=role, password="secret")
    done: Done = command(
        *("load", "rows.csv", "--table", "report", "--source", "comments", "--dry-run", "--json"),
        *("--embedder", "hash", *counting, "--database-url", theirs),
    )
    assert done.code == 0, done.error
    (one,) = done.document["embeddings"]
    assert (one["texts"], one["cached"]) == (3, None)
