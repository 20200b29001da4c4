"""What an embedding costs many writers of single rows: commits a second by pgbench."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sqlembed.embedders import Embedder, Registry
from sqlembed.server.binaries import psql_path
from sqlembed.worker import register_embedders
from tests.benchmarks.stage import NullEmbedder, Result, connect, working

WRITERS = 32
SECONDS = 5
ROUNDS = 4

#: Whom the worker serves: nobody who writes, or those who do.
WORKERS = {"an idle worker": "other", "a busy worker": "null"}


def commits_of_many_writers(url: str) -> Iterator[Result]:
    registry = Registry()
    embedders: dict[str, Embedder] = {name: NullEmbedder(name) for name in WORKERS.values()}
    for embedder in embedders.values():
        registry.add(embedder)
    register_embedders(url, registry)
    with connect(url) as connection, tempfile.TemporaryDirectory() as folder:
        for table in ("plain", "embedded"):
            connection.execute(f"create table {table} (id bigserial primary key, body text)")
        connection.execute(
            "select sqlembed.create_embedding('embedded', 'null', 'body', index => 'none')"
        )
        for what, name in WORKERS.items():
            shares = []
            with working(url, embedders[name]):
                for _ in range(ROUNDS):
                    connection.execute("truncate plain, embedded")
                    connection.execute("checkpoint")
                    plain = _commits(url, Path(folder), "plain")
                    shares.append(_commits(url, Path(folder), "embedded") / plain)
            yield Result(
                f"commits of {WRITERS} writers of single rows, {what}",
                "without an embedding",
                shares[1:],
                "times",
                "0.9 or more",
            )
        connection.execute("drop table plain, embedded")


def _commits(url: str, folder: Path, table: str) -> float:
    """Return how many rows a second are written and committed, one by one."""
    script = folder / "insert.sql"
    script.write_text(f"insert into {table} (body) values ('text ' || random());\n")
    pgbench = psql_path().with_name("pgbench")
    options = (f"--client={WRITERS}", "--jobs=2", f"--time={SECONDS}", f"--file={script}")
    done = subprocess.run(
        [pgbench, "--no-vacuum", "--protocol=prepared", *options, url],
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    assert found is not None, done.stdout
    return float(found[1])
