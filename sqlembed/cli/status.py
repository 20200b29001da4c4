"""``sqlembed status`` and ``sqlembed retry``: how far embeddings are, and what failed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from sqlembed.cli.options import (
    Place,
    database_options,
    embedding_option,
    examples,
    json_option,
)

if TYPE_CHECKING:
    from rich.console import RenderableType

    from sqlembed.cli.database import Connection

STATUS = """
select relation::text, embedding::text, embedder, timing, total, embedded, blank, pending, failed,
    oldest_pending, last_error
from sqlembed.status
order by 1, 2
"""
WORKERS = "select id, name, embedders, resting, started_at from sqlembed.worker order by id"
HAS_EMBEDDING = "select exists (select from sqlembed.embedding where relation = %s::regclass)"
RETRY = "select sqlembed.retry_failed(%s::regclass, %s)"

REFRESH_SECONDS = 1.0


@click.command(
    short_help="Show how far each embedding is, and the workers.",
    epilog=examples("sqlembed status", "sqlembed status --watch", "sqlembed status --json"),
)
@database_options
@click.option("--watch", is_flag=True, help="Look again every second, until Ctrl-C.")
@json_option
def status(place: Place, watch: bool, as_json: bool) -> None:
    """Show how far each embedding is, and which workers are alive."""
    from sqlembed.cli.database import open_database
    from sqlembed.cli.output import console, print_json

    if watch and as_json:
        raise click.UsageError("--json prints one document, --watch one after another: say one.")
    database = open_database(place)
    with database.connect() as connection:
        if as_json:
            print_json(_look(connection))
        elif watch:
            _watch(connection)
        else:
            output = console()
            output.print(_drawn(_look(connection), output.width))


def _look(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    from psycopg.rows import dict_row

    with connection.cursor(row_factory=dict_row) as cursor:
        return {
            "embeddings": cursor.execute(STATUS).fetchall(),
            "workers": cursor.execute(WORKERS).fetchall(),
        }


def _watch(connection: Connection) -> None:
    from rich.live import Live

    from sqlembed.cli.output import console

    output = console()
    with Live(console=output, auto_refresh=False) as live:
        while True:
            live.update(_drawn(_look(connection), output.width), refresh=True)
            time.sleep(REFRESH_SECONDS)


def _drawn(found: dict[str, list[dict[str, Any]]], width: int) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    from sqlembed.cli.output import table

    parts: list[RenderableType] = []
    if found["embeddings"]:
        names = ["relation", "embedding", "embedder", "total", "embedded", "blank", "pending"]
        names += ["failed", "last_error"]
        rows = [[row[name] for name in names] for row in found["embeddings"]]
        parts.append(table(names, rows, width=width, first=names)[0])
    else:
        parts.append(
            Text("Nothing is embedded yet. sqlembed load FILE --table T --source COLUMN does it.")
        )
    parts.append(Text())
    if found["workers"]:
        names = ["worker", "serves", "since"]
        rows = [
            [
                row["name"],
                ", ".join(
                    f"{name} (down)" if name in row["resting"] else name
                    for name in row["embedders"]
                ),
                row["started_at"].astimezone().isoformat(" ", "seconds"),
            ]
            for row in found["workers"]
        ]
        parts.append(table(names, rows, width=width)[0])
    else:
        parts.append(Text("No worker is alive. sqlembed worker starts one."))
    return Group(*parts)


@click.command(
    short_help="Queue rows again that were given up.",
    epilog=examples("sqlembed retry report", "sqlembed retry weather.report --embedding by_title"),
)
@database_options
@click.argument("table")
@embedding_option("Only this vector column.")
@json_option
def retry(place: Place, table: str, embedding: str | None, as_json: bool) -> None:
    """Queue the rows of TABLE again that were given up after several attempts."""
    from sqlembed.cli.database import open_database, scalar
    from sqlembed.cli.output import fail, print_json
    from sqlembed.cli.tables import relation_of

    database = open_database(place)
    with database.connect() as connection:
        relation = relation_of(connection, table)
        if not scalar(connection, HAS_EMBEDDING, (relation,)):
            fail(f"table {relation} has no embedding")
        queued = scalar(connection, RETRY, (relation, embedding))
    if as_json:
        print_json({"table": relation, "queued": queued})
    else:
        click.echo(f"{queued} rows of {relation} wait for a worker again.")
