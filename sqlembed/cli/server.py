"""``sqlembed server`` and ``sqlembed url``: the embedded PostgreSQL, and where a database is."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import click

from sqlembed.cli.options import Place, database_options, examples


@click.command(
    short_help="Print the URL of the database.",
    epilog=examples(
        'psql "$(sqlembed url)"',
        "export DATABASE_URL=$(sqlembed url --sqlalchemy)",
    ),
)
@database_options
@click.option("--sqlalchemy", is_flag=True, help="As SQLAlchemy writes it: postgresql+psycopg://…")
def url(place: Place, sqlalchemy: bool) -> None:
    """Print the URL of the database; starts the embedded server when it is not running."""
    from sqlembed import config
    from sqlembed.cli.database import chosen_url, open_database

    found = chosen_url(place)
    if found is None:
        found = open_database(place).url
    # What is empty means libpq's own variables, and so does a URL that says nothing.
    click.echo(config.sqlalchemy_url(found) if sqlalchemy else found or "postgresql://")


@click.group(
    epilog=examples("sqlembed server start", "sqlembed server psql", "sqlembed server stop")
)
def server() -> None:
    """Start, stop and enter the embedded PostgreSQL.

    Commands that need it start it themselves, and it goes on until it is stopped.
    """


data_dir_option = click.option(
    "--data-dir",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Where it keeps its data.",
)


@server.command(
    short_help="Start the server and print its URL.",
    epilog=examples("sqlembed server start", "sqlembed server start --data-dir /srv/sqlembed"),
)
@data_dir_option
def start(data_dir: Path | None) -> None:
    """Start the server, make its data folder if it is new, and print its URL."""
    from sqlembed.cli.database import embedded_server, open_database

    data_dir = data_dir or embedded_server(Place(None, None)).data_dir
    click.echo(open_database(Place(None, data_dir)).url)


@server.command(epilog=examples("sqlembed server stop"))
@data_dir_option
def stop(data_dir: Path | None) -> None:
    """Stop the server; open transactions are rolled back."""
    from sqlembed.cli.database import embedded_server
    from sqlembed.cli.output import patience

    server = embedded_server(Place(None, data_dir))
    was_running = server.is_running()
    with patience("stopping PostgreSQL"):
        server.stop()
    click.echo(f"The server in {server.data_dir} {'is stopped' if was_running else 'did not run'}.")


@server.command(
    context_settings={"ignore_unknown_options": True},
    epilog=examples(
        "sqlembed server psql",
        "sqlembed server psql -c 'select * from sqlembed.status'",
    ),
)
@database_options
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def psql(place: Place, arguments: tuple[str, ...]) -> None:
    """Open psql on the database; ARGUMENTS are psql's own."""
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    from sqlembed.cli.database import chosen_url, open_database
    from sqlembed.errors import ServerError
    from sqlembed.server import psql_path

    database = open_database(place, with_schema=chosen_url(place) is None)
    try:
        program = str(psql_path())
    except ServerError:
        found = shutil.which("psql")
        if found is None:
            raise
        program = found
    # Everybody can read a process's arguments, so a password is not among them.
    parts = conninfo_to_dict(database.url)
    environment = dict(os.environ)
    if password := parts.pop("password", None):
        environment["PGPASSWORD"] = str(password)
    target = make_conninfo("", **parts)
    os.execve(program, [program, f"--dbname={target}", *arguments], environment)
