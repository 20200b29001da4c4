"""The command line as a user meets it: a process, its two outputs and its exit code."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from itertools import takewhile
from pathlib import Path
from typing import Any

import psycopg
import pytest

import sqlembed
from sqlembed.cli import run
from sqlembed.server import Server
from tests.acceptance.commands import (
    Command,
    Connection,
    Done,
    command,
    environment,
    folder,
    loaded,
)
from tests.fix_worker import StartWorker, alive

__all__ = ["command", "folder", "loaded"]


def test_version(command: Command) -> None:
    done = command("--version")
    assert (done.code, done.output) == (0, f"sqlembed {sqlembed.__version__}\n")


def test_load_embeds_and_says_what_there_is(loaded: Done, connection: Connection) -> None:
    assert loaded.document == {
        "table": "report",
        "created": True,
        "rows": 4,
        "columns": {"state": "text", "comments": "text"},
        "key": ["id"],
        "embeddings": {"embedding": "hash"},
        "failed": {},
    }
    assert connection.execute(
        "select count(*), count(embedding), max(vector_dims(embedding)) from report"
    ).fetchone() == (4, 3, 64)


def test_status_says_which_embedder_is_down(
    command: Command, url: str, start_worker: StartWorker
) -> None:
    from sqlembed import Registry, RetryLater

    registry = Registry()

    @registry.embedder("away", dimensions=2)
    def away(texts: Sequence[str]) -> Any:
        raise RetryLater(timedelta(minutes=1), "the quota is used up")

    start_worker(registry)
    with psycopg.connect(url, autocommit=True) as connection:
        with pytest.raises(psycopg.Error, match="the quota is used up"):
            connection.execute("select sqlembed.embed('away', 'x')")
        until = time.monotonic() + 20
        while connection.execute("select resting from sqlembed.worker").fetchall() != [(["away"],)]:
            assert time.monotonic() < until
            time.sleep(0.05)
    (worker,) = command("status", "--json", "--database-url", url).document["workers"]
    assert worker["resting"] == ["away"]
    assert "away (down)" in command("status", "--database-url", url).output


def test_load_with_a_living_worker_waits_for_it(
    command: Command, url: str, connection: Connection, start_worker: StartWorker
) -> None:
    from sqlembed.embedders import HashEmbedder, Registry

    registry = Registry()
    registry.add(HashEmbedder("theirs", 8))
    start_worker(registry)
    done = command(
        *("load", "reports.csv", "--table", "report", "--source", "comments"),
        *("--embedder", "theirs", "--embedding", "vec", "--database-url", url),
    )
    assert done.code == 0, done.error
    assert connection.execute("select count(vec) from report").fetchone() == (3,)
    assert " search report " in done.output


@pytest.mark.usefixtures("loaded")
def test_load_again(command: Command, url: str, connection: Connection) -> None:
    again = ("load", "reports.csv", "--table", "report", "--database-url", url)
    refused = command(*again)
    assert refused.code == 2
    assert "--append" in refused.error
    assert command(*again, "--append").code == 0
    assert connection.execute("select count(*), count(embedding) from report").fetchone() == (8, 6)
    assert command(*again, "--replace", "--no-wait").code == 0
    assert connection.execute("select count(*), count(embedding) from report").fetchone() == (4, 0)
    burst = command("worker", "--burst", "--database-url", url)
    assert burst.code == 0, burst.error
    assert burst.output == ""
    assert connection.execute("select count(embedding) from report").fetchone() == (3,)


def test_rows_that_fail_are_said_and_can_be_tried_again(
    command: Command, url: str, connection: Connection
) -> None:
    loaded = command(
        *("load", "reports.csv", "--table", "report", "--source", "comments", "--no-wait"),
        *("--embedder", "picky", "--registry", "my_embedders:other", "--database-url", url),
    )
    assert loaded.code == 0, loaded.error
    connection.execute(
        """
        insert into sqlembed.failed_job (embedding, key, attempts, error)
        select embedding, key, 5, 'picky' from sqlembed.change
        """
    )
    connection.execute("delete from sqlembed.change")
    found = command("status", "--json", "--database-url", url).document["embeddings"]
    assert [(row["relation"], row["pending"], row["failed"]) for row in found] == [("report", 0, 4)]
    again = command("retry", "report", "--json", "--database-url", url)
    assert again.document == {"table": "report", "queued": 4}
    assert connection.execute("select pending from sqlembed.status").fetchone() == (4,)


@pytest.mark.usefixtures("loaded")
def test_status_and_embedders(command: Command, url: str) -> None:
    status = command("status", "--json", "--database-url", url).document
    assert status["workers"] == []
    (row,) = status["embeddings"]
    assert (row["total"], row["embedded"], row["blank"], row["pending"]) == (4, 3, 1, 0)
    (embedder,) = command("embedders", "--json", "--database-url", url).document["embedders"]
    assert (embedder["name"], embedder["dimensions"], embedder["workers"]) == ("hash", 64, 0)
    shown = command("status", "--database-url", url)
    assert "report" in shown.output
    assert "No worker is alive" in shown.output


@pytest.mark.usefixtures("loaded")
def test_the_cache(command: Command, url: str, connection: Connection) -> None:
    connection.execute("delete from sqlembed.cache")
    place = ("--database-url", url)
    assert command("cache", "stats", *place).output == "0 vectors, 0 bytes\n"
    connection.execute(
        """
        insert into sqlembed.cache (fingerprint, kind, input_hash, embedding)
        select e.fingerprint, 'query', sha256(i::text::bytea), '[1,2]'
        from sqlembed.embedder as e, generate_series(1, 30) as i
        """
    )
    held = command("cache", "stats", "--json", *place).document
    assert held["vectors"] == 30 and held["bytes"] > 30 * 8
    (row,) = held["embedders"]
    assert (row["embedder"], row["kind"], row["vectors"]) == ("hash", "query", 30)
    shown = command("cache", "stats", *place).output
    assert shown.startswith("30 vectors, ") and "hash" in shown
    # Nobody is there to say yes.
    assert command("cache", "clear", *place).code == 130
    assert command("cache", "clear", "--embedder", "nobody", "--yes", *place).code == 2
    cleared = command("cache", "clear", "--embedder", "hash", "--yes", "--json", *place)
    assert cleared.document == {"cleared": 30}
    assert command("cache", "clear", "--yes", *place).output == "0 vectors are forgotten.\n"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_a_worker(
    folder: Path, url: str, connection: Connection, number: int, code: int
) -> None:
    worker = subprocess.Popen(
        [sys.executable, "-m", "sqlembed", "worker", "--log-json", "--database-url", url],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert worker.stdout is not None and worker.stderr is not None
    try:
        # Alive in the database it is a moment before it says so.
        lines = list(takewhile(lambda line: '"started"' not in line, worker.stderr))
        assert worker.poll() is None and alive(connection), lines
        worker.send_signal(number)
        lines = worker.stderr.readlines()
        output = worker.stdout.read()
        worker.wait(30)
    finally:
        worker.kill()
        worker.wait()
        worker.stdout.close()
        worker.stderr.close()
    assert (worker.returncode, output) == (code, "")
    assert [json.loads(line)["event"] for line in lines] == ["stopping", "stopped"]


def test_migrate(command: Command, empty_url: str) -> None:
    place = ("--database-url", empty_url)
    assert command("status", *place).code == 2
    assert "is at revision" in command("migrate", *place).output
    assert "already" in command("migrate", *place).output
    assert command("status", *place).code == 0
    assert "no schema sqlembed" in command("migrate", "--to", "base", *place).output
    assert "sqlembed migrate" in command("status", *place).error


def test_migrate_prints_sql_without_a_database(command: Command) -> None:
    done = command("migrate", "--sql")
    assert done.code == 0
    assert "create table sqlembed.embedding" in done.output.lower()


def test_the_embedded_server(command: Command, reachable_folder: Path) -> None:
    place = ("--data-dir", str(reachable_folder / "cli"))
    try:
        started = command("server", "start", *place)
        assert started.code == 0, started.error
        url = started.output.strip()
        with psycopg.connect(url) as connection:
            assert connection.execute("select * from sqlembed.status").fetchall() == []
        assert command("url", *place).output.strip() == url
        assert command("url", "--sqlalchemy", *place).output.startswith("postgresql+psycopg://")
        asked = command("server", "psql", *place, "-Atc", "select count(*) from sqlembed.worker")
        assert asked.output == "0\n"
        assert "is stopped" in command("server", "stop", *place).output
        assert "did not run" in command("server", "stop", *place).output
    finally:
        Server(reachable_folder / "cli").stop()


BAD_INPUT = [
    (["status", "--database-url", "mysql://host/x"], "mysql"),
    (["status", "--database-url", "postgresql://x@127.0.0.1:1/x"], "cannot connect"),
    (["status", "--database-url", "URL", "--data-dir", "here"], "give one"),
    (["status", "--watch", "--json"], "say one"),
    (["frobnicate"], "No such command"),
    (["search", "report", " ", "--database-url", "URL"], "empty"),
    (["search", "nothing", "x", "--database-url", "URL"], "no table nothing"),
    (["search", "a.b.c", "x", "--database-url", "URL"], "not a table's name"),
    (["search", "plain", "x", "--database-url", "URL"], "has no embedding"),
    (["cluster", "plain", "--database-url", "URL"], "has no embedding"),
    (["retry", "plain", "--database-url", "URL"], "has no embedding"),
    (["worker", "--registry", "nowhere:at_all", "--database-url", "URL"], "no module"),
    (["worker", "--cache-size", "much", "--database-url", "URL"], "is not a size"),
    (["migrate", "--to", "nonsense", "--database-url", "URL"], "no revision"),
    (["load", "missing.csv", "--table", "t", "--database-url", "URL"], "No such file"),
    (["load", "FILE", "--table", "plain", "--database-url", "URL"], "exists"),
    (["load", "FILE", "--table", "t", "--append", "--replace"], "say one"),
    (["load", "FILE", "--table", "t", "--embedder", "hash"], "--source is missing"),
    (["load", "FILE", "--table", "t", "--delimiter", "xx"], "one character"),
    (
        ["load", "FILE", "--table", "t", "--source", "nope", "HASH", "--embedding", "v"],
        'column "nope" does not exist',
    ),
    (["load", "FILE", "--table", "t", "--source", "embedding", "HASH"], "--embedding"),
    (["load", "FILE", "--table", "t", "--source", "n", "HASH", "--embedding", "v"], "cast it"),
    (["load", "FILE", "--table", "t", "--source", "n", "--embedder", "hsah"], "hash"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD_INPUT)
def test_bad_input_ends_with_2_and_a_message(
    arguments: list[str],
    message: str,
    folder: Path,
    url: str,
    connection: Connection,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "my_embedders", raising=False)
    (folder / "x.csv").write_text("embedding,n\nx,1\n")
    connection.execute("create table plain (id integer primary key)")
    if "HASH" in arguments:
        place = arguments.index("HASH")
        arguments = [*arguments[:place], "--embedder", "hash", *arguments[place + 1 :]]
    if arguments[0] == "load" and "URL" not in arguments:
        arguments = [*arguments, "--database-url", "URL"]
    if "--source" in arguments:
        arguments = [*arguments, "--registry", "my_embedders:registry"]
    known = {"URL": url, "FILE": "x.csv"}
    code = run([known.get(argument, argument) for argument in arguments])
    captured = capsys.readouterr()
    assert code == 2
    assert captured.out == ""
    assert message in captured.err
    assert "Error: " in captured.err
    assert connection.execute("select to_regclass('t')").fetchone() == (None,)


def test_other_failures_end_with_1(
    url: str, role: str, connection: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    connection.execute("create table closed (id integer primary key, text text)")
    connection.execute("select sqlembed.register_embedder('hash', 64)")
    connection.execute("select sqlembed.create_embedding('closed', 'hash', 'text')")
    theirs = psycopg.conninfo.make_conninfo(url, user=role, password="secret")
    assert run(["retry", "closed", "--database-url", theirs]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "must be owner" in captured.err
