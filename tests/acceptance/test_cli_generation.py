"""``sqlembed generation``: another embedder for a table that is in use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.acceptance.commands import Command, command, folder, loaded

__all__ = ["command", "folder", "loaded"]

Connection = psycopg.Connection[tuple[Any, ...]]

BOTH = """
from sqlembed import Registry
from sqlembed.embedders import HashEmbedder

registry = Registry()
registry.add(HashEmbedder("hash", 64))
registry.add(HashEmbedder("wide", 96))
"""

DIMENSIONS = (
    "select vector_dims(embedding), count(*) from report where embedding is not null group by 1"
)


@pytest.fixture
def both(folder: Path) -> tuple[str, str]:
    (folder / "both.py").write_text(BOTH)
    return ("--registry", "both:registry")


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize("timing", ["async", "sync"])
def test_every_command(
    command: Command, url: str, connection: Connection, both: tuple[str, str], timing: str
) -> None:
    place = ("--database-url", url)
    connection.execute("select sqlembed.alter_embedding('report', timing => %s)", (timing,))
    rows = connection.execute("select count(*) from report").fetchone()
    done = command("generation", "start", "report", "--embedder", "wide", *both, *place)
    assert done.code == 0, done.error
    assert "is ready" in done.output and "generation switch report" in done.error
    again = command("generation", "start", "report", "--embedder", "wide", *both, *place)
    assert again.code == 2 and "has a next generation already" in again.error
    found = command("generation", "list", "report", "--json", *place).document
    assert [(one["generation"], one["embedder"]) for one in found] == [
        ("current", "hash"),
        ("next", "wide"),
    ]
    assert found[0]["embedded"] == found[1]["embedded"] > 0
    shown = command("generation", "list", *place)
    assert "wide" in shown.output and "next" in shown.output

    done = command("generation", "switch", "report", *both, *place)
    assert done.code == 0, done.error
    assert done.output == "report is searched with wide.\n"
    assert {length for length, _ in connection.execute(DIMENSIONS)} == {96}
    assert connection.execute(
        "select timing from sqlembed.embedding where generation = 'current'"
    ).fetchone() == (timing,)
    done = command("generation", "rollback", "report", *both, *place)
    assert done.code == 0, done.error
    assert {length for length, _ in connection.execute(DIMENSIONS)} == {64}
    wrong = command("generation", "drop", "report", *place)
    assert wrong.code == 2 and "has no previous generation" in wrong.error
    assert command("generation", "abandon", "report", *place).code == 0
    wrong = command("generation", "switch", "report", *place)
    assert wrong.code == 2 and "create_generation" in wrong.error
    assert connection.execute("select count(*) from report").fetchone() == rows


@pytest.mark.usefixtures("loaded")
def test_writers_do_not_go_on_to_wait_for_two_models(
    command: Command, url: str, connection: Connection, both: tuple[str, str]
) -> None:
    place = ("--database-url", url)
    connection.execute("select sqlembed.alter_embedding('report', timing => 'sync')")
    done = command("generation", "start", "report", "--embedder", "wide", *both, *place)
    assert done.code == 0, done.error
    connection.execute(
        "insert into sqlembed.failed_job (embedding, key, attempts, error)"
        " select e.id, (select jsonb_build_array(min(id)) from report), 5, 'no'"
        " from sqlembed.embedding as e where e.generation = 'next'"
    )

    done = command("generation", "switch", "report", *both, *place)

    assert done.code != 0 and "given up" in done.error, done.error
    timings = "select generation, timing from sqlembed.embedding order by 1"
    assert connection.execute(timings).fetchall() == [("current", "sync"), ("next", "async")]


@pytest.mark.usefixtures("loaded")
def test_a_build_that_was_interrupted_goes_on(
    command: Command, url: str, connection: Connection, both: tuple[str, str]
) -> None:
    place = ("--database-url", url)
    begun = ("generation", "start", "report", "--embedder", "wide", "--no-wait")
    done = command(*begun, "--rows-per-second", "1000", *both, *place)
    assert done.code == 0 and "is begun" in done.output, done.error
    # An index that was not finished is in the way of none.
    (name,) = connection.execute(
        "select index_name from sqlembed.embedding where generation = 'next'"
    ).fetchone() or (None,)
    connection.execute(
        f'create index "{name}" on report using hnsw (embedding_next vector_cosine_ops)'.encode()
    )
    connection.execute(
        "update pg_index set indisvalid = false where indexrelid = %s::regclass", (f'"{name}"',)
    )
    done = command("generation", "switch", "report", *both, *place)
    assert done.code == 0, done.error
    done = command("generation", "drop", "report", *place)
    assert done.output == "The previous generation is gone.\n"
    assert {length for length, _ in connection.execute(DIMENSIONS)} == {96}
