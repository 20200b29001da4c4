"""``sqlembed demo``: the tour."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sqlembed.cli import output
from sqlembed.cli.options import Place, examples, program

if TYPE_CHECKING:
    import psycopg
    from rich.console import Console

    Connection = psycopg.Connection[tuple[Any, ...]]

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
DROP_MODEL = """
select sqlembed.drop_model(m.name) from sqlembed.cluster_model as m
where m.name = 'docstring_topics'
"""
ALIVE = "select 1 from sqlembed.worker"

NEXT = """\
What to type next:

  {sqlembed} search docstring "measure how long code takes"{place}
  {sqlembed} load FILE.csv --table report --source comments{place}
  {sqlembed} worker{place}
  psql "$({sqlembed} url{place})"
"""


@click.command(
    short_help="Show what sqlembed does, on Python's docstrings.",
    epilog=examples("sqlembed demo", "sqlembed demo --data-dir /tmp/demo"),
)
@click.option(
    "--data-dir",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Where the embedded server keeps its data.",
)
def demo(data_dir: Path | None) -> None:
    """Show what sqlembed does, on the docstrings of Python's standard library.

    Starts the embedded PostgreSQL, loads the docstrings into the table "docstring" (replacing that
    table), embeds them with MiniLM, searches and clusters them, all through SQL that it prints.
    """
    import psycopg

    from sqlembed.cli import serving
    from sqlembed.cli.database import Database
    from sqlembed.embedders import builtin
    from sqlembed.server import Server, default_data_dir

    console = output.console()
    server = Server(data_dir or default_data_dir())
    was_running = server.is_running()
    try:
        with _working(server), psycopg.connect(server.url(), autocommit=True) as connection:
            _load(connection, console)
            for caption, statement in _tour():
                if statement:
                    _show(connection, console, caption, statement)
                else:
                    console.print(f"-- {caption}\n", style="bold")
                    serving.wait_until_embedded(
                        Database(server.url(), server),
                        connection,
                        builtin.registry(),
                        "docstring",
                        ["minilm"],
                    )
    finally:
        if not was_running:
            server.stop()
    place = Place(None, data_dir).arguments
    click.echo(NEXT.format(sqlembed=program(), place=place), nl=False)


@contextmanager
def _working(server: Any) -> Iterator[None]:
    """Start the server and a worker that serves ``minilm``; end the worker afterwards."""
    import psycopg
    import sqlalchemy as sa

    from sqlembed import config
    from sqlembed.embedders import builtin
    from sqlembed.schema import migrate
    from sqlembed.worker import Worker

    failures: list[BaseException] = []

    def work() -> None:
        try:
            worker.run()
        except BaseException as error:
            failures.append(error)

    with output.patience("starting PostgreSQL and loading the model"):
        server.start()
        migrate.upgrade(
            sa.create_engine(config.sqlalchemy_url(server.url()), poolclass=sa.NullPool)
        )
        worker = Worker(server.url(), builtin.registry())
        thread = threading.Thread(target=work)
        thread.start()
        with psycopg.connect(server.url(), autocommit=True) as connection:
            while thread.is_alive() and not connection.execute(ALIVE).fetchone():
                time.sleep(0.05)
    try:
        if failures:
            raise failures[0]
        yield
    finally:
        worker.stop()
        thread.join()


def _load(connection: Connection, console: Console) -> None:
    from sqlembed.demo.docstrings import standard_library

    connection.execute(TABLE)
    connection.execute(DROP_MODEL)
    rows = list(standard_library())
    with connection.cursor() as cursor, cursor.copy(COPY) as copy:
        for row in rows:
            copy.write_row(row)
    console.print(f"{len(rows)} docstrings are in the table docstring.\n")


def _tour() -> Iterator[tuple[str, str]]:
    """Yield captions and their statements; where to wait there is none."""
    text = (resources.files("sqlembed.demo") / "tour.sql").read_text(encoding="utf-8")
    for part in text.strip().split("\n\n"):
        caption, _, statement = part.partition("\n")
        yield caption.removeprefix("-- "), statement


def _show(connection: Connection, console: Console, caption: str, statement: str) -> None:
    from rich.syntax import Syntax

    console.print(f"-- {caption}", style="bold")
    console.print(Syntax(statement, "sql", background_color="default"))
    console.print()
    cursor = connection.execute(statement.encode())
    names = [column.name for column in cursor.description or ()]
    rows = [[str(value) for value in row] for row in cursor]
    laid, _ = output.table(names, rows, width=console.width, first=names[:2])
    console.print(laid)
    console.print()
