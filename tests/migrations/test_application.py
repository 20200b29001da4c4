"""The bookshop: its revisions are what autogenerate writes, and go up and down while it is open."""

from __future__ import annotations

import ast
import importlib
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from sqlembed import config
from sqlembed.embedders import HashEmbedder, Registry
from tests.fix_worker import serving
from tests.migrations.application import BOOKSHOP, Application
from tests.migrations.histories import CATALOGUE, rows
from tests.writing import HASH, embed_all, outdated

FILES = {path.name[:4]: path for path in sorted((BOOKSHOP / "versions").glob("*.py"))}

#: Models do not say when the way back is given up.
BY_HAND = {"0006"}

WIDE = HashEmbedder("wide", 12)

TEXT = "title || E'\\n' || blurb"

STOCK = "insert into book (title, blurb) select 'book ' || i, 'old' from generate_series(1, 100) i"


def registry() -> Registry:
    made = Registry()
    made.add(HASH)
    made.add(WIDE)
    return made


def models(revision: str) -> sa.MetaData:
    """Return the models as they were at a revision."""
    names = sorted(path.stem for path in (BOOKSHOP / "models").glob("at_*.py"))
    name = max(name for name in names if name <= f"at_{revision}")
    module = importlib.import_module(f"tests.migrations.bookshop.models.{name}")
    metadata: sa.MetaData = module.Base.metadata
    return metadata


def said(text: str) -> dict[str, str]:
    """Return what the functions of a revision do, however it is laid out."""
    made = {node.name: node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}
    return {name: ast.unparse(function.body) for name, function in made.items()}  # type: ignore[arg-type]


def test_autogenerate_writes_the_history(tmp_path: Path, empty_url: str) -> None:
    engine = sa.create_engine(config.sqlalchemy_url(empty_url), poolclass=sa.NullPool)
    application = Application(tmp_path, engine, transaction_per_migration=True)
    for revision, file in FILES.items():
        application.metadata = models(revision)
        if revision in BY_HAND:
            assert application.differences() == []
        else:
            assert said(application.revise(file.stem[5:])) == said(file.read_text("utf-8")), file
            application.forget()
        shutil.copy(file, tmp_path / "versions")
        application.written.append(revision)
        application.upgrade()
        # Until workers have filled a generation, nothing is left to be done.
        assert application.differences() == []
        if revision == "0001":
            rows(application, STOCK)
        else:
            embed_all(empty_url, registry())
    assert [row[:2] for row in rows(application, CATALOGUE)] == [("review", "embedding")]
    application.downgrade("base")
    tables = sa.inspect(engine).get_table_names()
    assert tables == ["alembic_version"]


class Trade:
    """Those who write and read books, without a pause."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._over = threading.Event()
        self._lock = threading.Lock()
        self.can_search = False
        self.written: dict[str, str] = {}
        self.found = 0
        self.failures: list[BaseException] = []

    @contextmanager
    def going_on(self) -> Iterator[None]:
        self._over.clear()
        tasks = [(self._write, 1), (self._write, 2), (self._read, 3), (self._read, 4)]
        threads = [threading.Thread(target=self._run, args=task) for task in tasks]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join(60)
        assert self.failures == []

    def stop_searches(self) -> None:
        """Return once none runs: what they search is about to go."""
        with self._lock:
            self.can_search = False

    def await_searches(self) -> None:
        """Return once those that have begun are over: vectors that they may want are to go."""
        with self._lock:
            pass

    def _run(self, task: Callable[[psycopg.Connection[object], str], None], number: int) -> None:
        try:
            with psycopg.connect(self._url, autocommit=True) as connection:
                turn = 0
                while not self._over.is_set():
                    turn += 1
                    task(connection, f"{number} {len(self.written)} {turn}")
        except BaseException as error:
            self.failures.append(error)

    def _write(self, connection: psycopg.Connection[object], name: str) -> None:
        title = f"title {name}"
        connection.execute("insert into book (title, blurb) values (%s, 'draft')", (title,))
        connection.execute("update book set blurb = %s where title = %s", (name, title))
        self.written[title] = name
        time.sleep(0.005)

    def _read(self, connection: psycopg.Connection[object], name: str) -> None:
        assert len(connection.execute("select id, title from book limit 10").fetchall()) == 10
        with self._lock:
            if self.can_search:
                statement = "select (base).title from sqlembed.search(null::book, %s, 3)"
                assert len(connection.execute(statement, (name,)).fetchall()) == 3
                self.found += 1


def patiently(step: Callable[[], None]) -> None:
    """Try a revision until what it switches to is filled, as its error says."""
    end = time.monotonic() + 120
    while True:
        try:
            step()
            return
        except sa.exc.DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != "SE018" or time.monotonic() > end:
                raise
        time.sleep(0.1)


def test_the_history_goes_up_and_down_while_the_shop_is_open(
    tmp_path: Path, engine: sa.Engine, url: str
) -> None:
    application = Application(tmp_path, engine, transaction_per_migration=True)
    for file in FILES.values():
        shutil.copy(file, tmp_path / "versions")
    application.upgrade("0001")
    rows(application, STOCK)
    trade = Trade(url)
    waited = "call sqlembed.wait_until_embedded('book', '60 s')"
    with serving(url, registry()), psycopg.connect(url, autocommit=True) as connection:
        with trade.going_on():
            application.upgrade("+1")
            until_vectors(connection)
            trade.can_search = True
            for _ in range(5):
                patiently(lambda: application.upgrade("+1"))
        found = trade.found
        assert found > 5
        connection.execute(waited)
        assert outdated(connection, "book", TEXT, embedder=WIDE) == []

        with trade.going_on():
            trade.stop_searches()
            application.upgrade("+1")
            assert [row[0] for row in rows(application, CATALOGUE)] == ["review"]
            application.downgrade()
            until_vectors(connection)
            trade.can_search = True
            for _ in range(5):
                patiently(lambda: application.downgrade("-1"))
                trade.await_searches()
        assert trade.found > found
        connection.execute("select sqlembed.refresh_embedding('book')")
        connection.execute(waited)
        assert outdated(connection, "book", "title") == []
        kept = connection.execute("select title, blurb from book where blurb <> 'old'").fetchall()
        assert dict(kept) == trade.written
    application.downgrade("0001")
    assert rows(application, "select count(*) from book where blurb = 'old'") == [(100,)]


def until_vectors(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    end = time.monotonic() + 60
    enough = "select count(embedding) >= 100 from book"
    while connection.execute(enough).fetchone() != (True,):
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize("revision", sorted(FILES))
def test_each_revision_names_the_one_before(revision: str) -> None:
    text = FILES[revision].read_text("utf-8")
    before = None if revision == "0001" else f"{int(revision) - 1:04}"
    names = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    assert (names["revision"], names["down_revision"]) == (revision, before)
