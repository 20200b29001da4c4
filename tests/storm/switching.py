"""``python -m tests.storm.switching``: generations are switched while others write and read.

Both embedders make vectors of one length, those of the next one turned about: a query of the one
compared with a vector of the other gives no error, and a distance that is wrong for every row.
"""

from __future__ import annotations

import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import numpy as np
import psycopg
import sqlalchemy as sa

from sqlembed import config
from sqlembed.embedders import HashEmbedder, Registry
from sqlembed.schema import migrate
from sqlembed.server import Server
from tests.fix_worker import serving

WORDS = HashEmbedder("words", 32)

SEARCH = (
    "select (base).title, distance from sqlembed.search(null::article, %s, 5) order by distance"
)
READY = "select sqlembed.switch_generation('article', lag => '5 s', timeout => '60 s')"
LOCK = "select sqlembed._lock_briefly(array['article'::regclass], '60 s')"
LEFT = """
select e.queued_at is null or exists (
    select from sqlembed._waiting as w
    where w.embedding = e.id
        and w.changed_at < greatest(e.queued_at, clock_timestamp() - interval '3 s')
)
from sqlembed.embedding as e where e.generation <> 'current'
"""


@dataclass
class Figures:
    """What came of it."""

    reads: int = 0
    writes: int = 0
    switches: int = 0
    #: Results whose distance is not that of their own generation.
    wrong: list[str] = field(default_factory=list)
    #: Statements of readers and writers that failed.
    failed: list[str] = field(default_factory=list)
    #: In milliseconds.
    longest_lock: float = 0
    longest_read: float = 0
    longest_write: float = 0


class Switching:
    """A table, the workers, writers and readers of it, and one who switches generations.

    Args:
        url: a database with sqlembed in it.
        rows: of the table.
        pace: how many rows a writer writes a second at most; the vectors of what they write have
            to be made as well, those of both generations.
    """

    def __init__(
        self, url: str, rows: int, writers: int = 2, readers: int = 4, pace: float = 100
    ) -> None:
        self._url = url
        self._rows = rows
        self._writers = writers
        self._readers = readers
        self._pauses = {self._write: 1 / pace, self._read: 0.01}
        self._over = threading.Event()
        self._lock = threading.Lock()
        self.figures = Figures()

    def run(self, rounds: int = 2) -> Figures:
        """Build, switch, roll back, switch again and drop, so many times."""
        with (
            serving(self._url, registry()),
            psycopg.connect(self._url, autocommit=True) as mine,
        ):
            mine.execute("create table article (id int primary key, title text)")
            mine.execute(
                "insert into article select i, 'article ' || md5(i::text) || ' number ' || i"
                " from generate_series(1, %s) as i",
                (self._rows,),
            )
            mine.execute(
                "select sqlembed.create_embedding('article', 'before', 'title', index => 'none')"
            )
            mine.execute("call sqlembed.wait_until_embedded('article', '10 min')")
            mine.execute("select sqlembed.alter_embedding('article', index => 'hnsw')")
            with self._busy():
                for number in range(rounds):
                    name = ("after", "before")[number % 2]
                    mine.execute("select sqlembed.create_generation('article', %s)", (name,))
                    self._wait(mine)
                    (statement,) = mine.execute(
                        "select sqlembed.generation_index('article')"
                    ).fetchone() or (None,)
                    mine.execute(str(statement).encode())
                    for step in ("switch", "rollback", "switch"):
                        self._switch(mine, step)
                        time.sleep(0.5)
                    mine.execute("select sqlembed.drop_generation('article')")
        return self.figures

    def _wait(self, mine: psycopg.Connection[Any]) -> None:
        end = time.monotonic() + 1_200
        while (mine.execute(LEFT).fetchone() or (True,))[0]:
            assert time.monotonic() < end, "the generation is never ready"
            time.sleep(0.1)

    def _switch(self, mine: psycopg.Connection[Any], step: str) -> None:
        held = None
        while held is None:
            self._wait(mine)
            try:
                with mine.transaction():
                    mine.execute(LOCK)
                    began = time.perf_counter()
                    mine.execute(READY.replace("switch", step, 1).encode())
                held = (time.perf_counter() - began) * 1_000
            except psycopg.Error as error:
                # Workers have fallen behind again.
                if error.sqlstate != "SE018":
                    raise
        self.figures.longest_lock = max(self.figures.longest_lock, held)
        self.figures.switches += 1

    @contextmanager
    def _busy(self) -> Iterator[None]:
        threads = [
            threading.Thread(target=self._guarded, args=(task, number))
            for task, count in ((self._write, self._writers), (self._read, self._readers))
            for number in range(count)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join(60)

    def _guarded(self, task: Any, number: int) -> None:
        chance = random.Random(f"{task.__name__} {number}")
        with psycopg.connect(self._url, autocommit=True) as connection:
            while not self._over.is_set():
                try:
                    task(connection, number, chance)
                except psycopg.Error as error:
                    self.figures.failed.append(str(error))
                time.sleep(self._pauses[task])

    def _write(
        self, connection: psycopg.Connection[Any], number: int, chance: random.Random
    ) -> None:
        id = chance.randrange(1, self._rows)
        title = f"written {chance.random()} by {number}"
        began = time.perf_counter()
        if chance.random() < 0.5:
            connection.execute("update article set title = %s where id = %s", (title, id))
        else:
            connection.execute(
                "insert into article select max(id) + 1 + %s, %s from article"
                " on conflict do nothing",
                (number, title),
            )
        took = (time.perf_counter() - began) * 1_000
        with self._lock:
            self.figures.writes += 1
            self.figures.longest_write = max(self.figures.longest_write, took)

    def _read(
        self, connection: psycopg.Connection[Any], number: int, chance: random.Random
    ) -> None:
        if number % 2:
            self._search(connection, chance)
            return
        # One snapshot for several searches: a switch comes in between.
        with connection.transaction():
            connection.execute("set transaction isolation level repeatable read")
            connection.execute("select 1 from sqlembed.embedding")
            for _ in range(5):
                time.sleep(0.02)
                self._search(connection, chance)

    def _search(self, connection: psycopg.Connection[Any], chance: random.Random) -> None:
        question = f"article number {chance.randrange(1, self._rows)}"
        began = time.perf_counter()
        found = connection.execute(SEARCH, (question,)).fetchall()
        took = (time.perf_counter() - began) * 1_000
        (wanted,) = WORDS.embed([question])
        wrong = [
            f"{question!r} is {distance} from {title!r}, in another generation"
            for title, distance in found
            if abs(distance - (1 - float(vector_of(title) @ wanted))) > 1e-3
        ]
        with self._lock:
            self.figures.reads += 1
            self.figures.longest_read = max(self.figures.longest_read, took)
            self.figures.wrong += wrong if found else [f"nothing was found for {question!r}"]


def vector_of(text: str) -> Any:
    """Return the vector of a text, of length 1."""
    (vector,) = WORDS.embed([text])
    return vector / max(float(np.linalg.norm(vector)), 1e-12)


def registry() -> Registry:
    """Return a registry of the embedder before and the one after."""
    made = Registry()

    @made.embedder("before", dimensions=32)
    def before(texts: Sequence[str]) -> Any:
        return WORDS.embed(texts)

    @made.embedder("after", dimensions=32)
    def after(texts: Sequence[str]) -> Any:
        return -WORDS.embed(texts)

    return made


@click.command()
@click.option("--rows", default=50_000, show_default=True)
@click.option("--rounds", default=1, show_default=True)
@click.option("--pace", default=20, show_default=True, help="Rows a second and writer, at most.")
def main(rows: int, rounds: int, pace: int) -> None:
    """Switch generations of a table while 2 writers write and 4 readers read."""
    with tempfile.TemporaryDirectory(prefix="sqlembed-switching-") as name:
        Path(name).chmod(0o755)
        server = Server(Path(name) / "server", durable=False)
        server.start()
        try:
            engine = sa.create_engine(config.sqlalchemy_url(server.url()), poolclass=sa.NullPool)
            assert migrate.upgrade(engine) == []
            began = time.monotonic()
            figures = Switching(server.url(), rows, pace=pace).run(rounds)
            took = time.monotonic() - began
        finally:
            server.stop()
    click.echo(f"rows {rows}, switches and rollbacks {figures.switches}, in {took:.0f} s")
    click.echo(f"reads {figures.reads}, longest {figures.longest_read:.0f} ms")
    click.echo(f"writes {figures.writes}, longest {figures.longest_write:.0f} ms")
    click.echo(f"longest lock {figures.longest_lock:.1f} ms")
    click.echo(f"failed {len(figures.failed)}, wrong generation {len(figures.wrong)}")
    for problem in [*figures.failed, *figures.wrong][:10]:
        click.echo(problem, err=True)
    sys.exit(bool(figures.failed or figures.wrong))


if __name__ == "__main__":
    main()
