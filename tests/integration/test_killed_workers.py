"""A worker that is killed, wherever it is: at most the batch in hand is embedded again."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fix_worker import alive
from tests.integration.working import Noting, article, fill, until
from tests.writing import Connection, embed_all, function_registry, outdated, rows, scalar

__all__ = ["article"]

ROWS, BATCH = 30, 10

#: A worker that dies in its second batch; the first one, a single row, only tells how fast it is.
DYING = f"""
import os, signal, sys
from pathlib import Path
from sqlembed.embedders import HashEmbedder, Registry
from sqlembed.worker import Worker, limits
from sqlembed.worker.jobs import Jobs

url, point, texts_file = sys.argv[1:]
limits.BATCH_LIMIT = {BATCH}
model = HashEmbedder("hash", 8)
calls = []


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def embed(texts):
    calls.append(len(texts))
    if point == "computing" and len(calls) == 2:
        die()
    with open(texts_file, "a") as file:
        file.writelines(text + "\\n" for text in texts)
    return model.embed(texts)


def dying(name, method, batch):
    def call(self, *arguments):
        is_now = len(calls) == batch
        if is_now and point == "before " + name:
            die()
        if is_now and point == "during " + name:
            # The statement is sent, and nobody waits for its result.
            self._connection.wait = lambda steps, *_: (next(steps), die())
        result = method(self, *arguments)
        if is_now and point == "after " + name:
            die()
        return result
    return call


for name, batch in {{"fold": 0, "claim": 1, "read": 1, "write": 2, "finish": 2}}.items():
    setattr(Jobs, name, dying(name, getattr(Jobs, name), batch))
registry = Registry()
registry.embedder("hash", dimensions=8)(embed)
Worker(url, registry).run()
"""


@pytest.mark.parametrize(
    "point",
    [
        *("before fold", "during fold", "after fold", "during claim", "after claim"),
        *("after read", "computing", "before write", "during write", "after write"),
        *("during finish", "after finish"),
    ],
)
def test_a_killed_worker_costs_one_batch_at_most(
    article: Connection, url: str, tmp_path: Path, point: str
) -> None:
    fill(article, ROWS)
    texts_file = tmp_path / "texts"
    texts_file.touch()
    command = [sys.executable, "-c", DYING, url, point, str(texts_file)]
    assert subprocess.run(command, timeout=60, check=False).returncode == -signal.SIGKILL
    until(lambda: alive(article) == 0)
    noting = Noting()
    embed_all(url, function_registry(noting))
    assert outdated(article, "article", "title") == []
    assert scalar(article, "select count(*) from sqlembed._queued") == 0
    assert rows(article, "select key from sqlembed.failure") == []
    before = texts_file.read_text().splitlines()
    assert {*before, *noting.texts} == {f"text {i}" for i in range(1, ROWS + 1)}
    assert len(noting.texts) == len({*noting.texts})
    assert len(before) + len(noting.texts) <= ROWS + BATCH
