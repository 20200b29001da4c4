"""``sqlembed demo``: the tour."""

from __future__ import annotations

import sys
import threading
import time
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg
    from rich.console import Console

TABLE = """
drop table if exists docstring;
create table docstring (
    id bigint generated always as identity primary key,
    module text not null,
    name text not null,
    doc text not null
)
"""
COPY = "copy docstring (module, name, doc) from stdin"
DROP_MODEL = (
    "select sqlembed.drop_model(name) from sqlembed.cluster_model where name = 'docstring_topics'"
)
WAITING = "select pending, total from sqlembed.status where relation = 'docstring'::regclass"

NEXT = """\
[bold]What to type next[/bold]

  {sqlembed} search docstring "measure how long code takes"
  {sqlembed} load FILE.csv --table reports --source comments
  {sqlembed} worker
  psql "$({sqlembed} url)"
"""


@click.command()
@click.option(
    "--data-dir", type=click.Path(path_type=Path), help="Where the server keeps its data."
)
def demo(data_dir: Path | None) -> None:
    r"""Show what sqlembed does, on the docstrings of Python's standard library.

    Starts the embedded PostgreSQL, loads the docstrings into the table "docstring" (replacing that
    table), embeds them with MiniLM, searches and clusters them, all through SQL that it prints.

    \b
    Examples:
      sqlembed demo
      sqlembed demo --data-dir /tmp/demo
    """
    import psycopg
    import sqlalchemy as sa
    from rich.console import Console

    from sqlembed import config
    from sqlembed.embedders import builtin
    from sqlembed.schema import migrate
    from sqlembed.server import Server, default_data_dir
    from sqlembed.worker import Worker

    console = Console(highlight=False)
    server = Server(data_dir or default_data_dir())
    was_running = server.is_running()
    with console.status("starting PostgreSQL and loading the model"):
        server.start()
        engine = sa.create_engine(config.sqlalchemy_url(server.url()), poolclass=sa.NullPool)
        migrate.upgrade(engine)
        registry = builtin.registry()
        registry.sync(engine)
        worker = Worker(server.url(), registry)
        thread = threading.Thread(target=worker.run)
        thread.start()
        try:
            _wait_for_worker(server.url(), thread)
        except BaseException:
            worker.stop()
            raise
    try:
        with psycopg.connect(server.url(), autocommit=True) as connection:
            _load(connection, console)
            for caption, statement in _tour():
                _show(connection, console, caption, statement)
    finally:
        worker.stop()
        thread.join()
        if not was_running:
            server.stop()
    program = Path(sys.argv[0]).name
    shown = "python -m sqlembed" if program == "__main__.py" else program
    place = f" --data-dir {data_dir}" if data_dir else ""
    console.print(NEXT.format(sqlembed=shown + place))


def _wait_for_worker(url: str, thread: threading.Thread) -> None:
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        while not connection.execute("select from sqlembed.worker").fetchone():
            if not thread.is_alive():
                raise click.ClickException("the worker did not start; its error stands above")
            time.sleep(0.05)


def _load(connection: psycopg.Connection[tuple[object, ...]], console: Console) -> None:
    from sqlembed.demo.docstrings import standard_library

    connection.execute(TABLE)
    connection.execute(DROP_MODEL)
    rows = list(standard_library())
    with connection.cursor() as cursor, cursor.copy(COPY) as copy:
        for row in rows:
            copy.write_row(row)
    console.print(f"{len(rows)} docstrings are in the table [bold]docstring[/bold].\n")


def _tour() -> Iterator[tuple[str, str]]:
    text = (resources.files("sqlembed.demo") / "tour.sql").read_text(encoding="utf-8")
    for part in text.strip().split("\n\n"):
        caption, _, statement = part.partition("\n")
        yield caption.removeprefix("-- "), statement


def _show(
    connection: psycopg.Connection[tuple[object, ...]],
    console: Console,
    caption: str,
    statement: str,
) -> None:
    from rich.syntax import Syntax
    from rich.table import Table

    if not statement:
        _wait(connection, caption.removeprefix("wait: "))
        return
    console.print(f"[bold]{caption}[/bold]")
    console.print(Syntax(statement, "sql", background_color="default", word_wrap=True))
    cursor = connection.execute(statement.encode())
    table = Table(*(column.name for column in cursor.description or ()), pad_edge=False)
    for row in cursor:
        table.add_row(*(f"{v:.3f}" if isinstance(v, float) else str(v) for v in row))
    console.print(table)
    console.print()


def _wait(connection: psycopg.Connection[tuple[object, ...]], caption: str) -> None:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn(caption),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("")
        while True:
            row = connection.execute(WAITING).fetchone()
            assert row is not None
            pending, total = int(str(row[0])), int(str(row[1]))
            bar.update(task, completed=total - pending, total=total)
            if pending == 0:
                return
            time.sleep(0.2)
