"""``sqlembed migrate``: install the schema, bring it up to date, take it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sqlembed.cli.options import Place, database_options, examples
from sqlembed.cli.output import fail, warn

if TYPE_CHECKING:
    import sqlalchemy as sa


@click.command(
    short_help="Install the schema, or bring it up to date.",
    epilog=examples(
        "sqlembed migrate --database-url postgresql://owner@host/database",
        "sqlembed migrate --sql > install.sql",
        "sqlembed migrate --roles",
        "sqlembed migrate --to base",
    ),
)
@database_options
@click.option("--sql", "as_sql", is_flag=True, help="Print the SQL, for an empty database.")
@click.option(
    "--to",
    "revision",
    metavar="REVISION",
    default="head",
    show_default=True,
    help="The revision to go to; base takes the schema away.",
)
@click.option(
    "--loopback-password",
    metavar="PASSWORD",
    envvar="SQLEMBED_LOOPBACK_PASSWORD",
    show_envvar=True,
    help="Of the role sqlembed_loopback, where an administrator has made it.",
)
@click.option(
    "--roles",
    "with_roles",
    is_flag=True,
    help="Make the roles sqlembed_reader, sqlembed_writer and sqlembed_worker too.",
)
def migrate(
    place: Place, as_sql: bool, revision: str, loopback_password: str | None, with_roles: bool
) -> None:
    """Install the schema sqlembed in a database, or bring it up to date.

    It may be run again at any time. The embedded server does not need it: other commands do it.
    """
    from alembic.util import CommandError

    try:
        if as_sql:
            _print_script(revision, with_roles)
        else:
            _migrate(place, revision, loopback_password, with_roles)
    except CommandError as error:
        fail(f"there is no revision {revision!r}: {error}", "Say head, base or a number like 0001.")


def _print_script(revision: str, with_roles: bool) -> None:
    from sqlembed.schema import migrate

    if revision == "base":
        fail("--sql prints how to install, not how to take it back")
    click.echo(migrate.script(revision, with_roles=with_roles), nl=False)


def _migrate(place: Place, revision: str, loopback_password: str | None, with_roles: bool) -> None:
    from sqlembed.cli.database import check_server, open_database, scalar
    from sqlembed.schema import migrate

    database = open_database(place, with_schema=False)
    with database.connect() as connection, database.engine() as engine:
        check_server(connection)
        before = _revision(engine)
        if revision == "base" or (before is not None and revision < before):
            migrate.downgrade(engine, revision)
        else:
            problems = migrate.upgrade(
                engine, revision, loopback_password=loopback_password, with_roles=with_roles
            )
            for problem in problems:
                warn(f"embed() does not work from SQL yet: {problem}")
        after = _revision(engine)
        name = scalar(connection, "select pg_catalog.current_database()")
    if after is None:
        click.echo(f"Database {name} has no schema sqlembed any more.")
    elif after == before:
        click.echo(f"Database {name} is at revision {after} already.")
    else:
        click.echo(f"Database {name} is at revision {after} now.")


def _revision(engine: sa.Engine) -> str | None:
    from sqlembed.schema import migrate

    with engine.connect() as connection:
        return migrate.current(connection)
