"""``sqlembed doctor`` and ``sqlembed uninstall``: is all well, and taking it all back."""

from __future__ import annotations

from dataclasses import asdict

import click

from sqlembed.cli.options import Place, database_options, examples, json_option
from sqlembed.cli.output import console, print_json, remark

MARKS = {"ok": "[green]✓[/green]", "warning": "[yellow]![/yellow]", "error": "[red]✗[/red]"}


@click.command(
    short_help="Check everything, and say how to mend it.",
    epilog=examples(
        "sqlembed doctor",
        "sqlembed doctor --database-url postgresql://owner@host/database",
        "sqlembed doctor --json",
    ),
)
@database_options
@json_option
@click.pass_context
def doctor(context: click.Context, place: Place, as_json: bool) -> None:
    """Check extensions, loopback, grants, versions, workers and embeddings.

    Changes nothing. Ends with 1 when something does not work; what only deserves a look is marked
    with an exclamation mark.
    """
    from rich.markup import escape

    from sqlembed.cli.database import open_database
    from sqlembed.schema.doctor import examine

    database = open_database(place, with_schema=False)
    with database.engine() as engine:
        findings = examine(engine)
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        out = console()
        for finding in findings:
            subject, detail = escape(finding.subject), escape(finding.detail)
            out.print(f"{MARKS[finding.state]} [bold]{subject}[/bold]: {detail}", markup=True)
            if finding.mend:
                out.print(f"  {escape(finding.mend)}", markup=True)
    if any(finding.state == "error" for finding in findings):
        context.exit(1)


@click.command(
    short_help="Take everything back but your columns.",
    epilog=examples("sqlembed uninstall", "sqlembed uninstall --yes"),
)
@database_options
@click.option("--yes", is_flag=True, help="Do not ask.")
def uninstall(place: Place, yes: bool) -> None:
    """Remove the schemas, the loopback and the triggers on embedded tables.

    Vector columns, the vectors in them and their indexes stay, and so does the extension vector.
    Embedders, cluster models and what waits to be embedded are forgotten.
    """
    from sqlembed.cli.database import open_database, scalar
    from sqlembed.schema import migrate

    database = open_database(place, with_schema=False)
    with database.connect() as connection:
        name = scalar(connection, "select pg_catalog.current_database()")
    if not yes:
        click.confirm(f"Remove sqlembed from database {name}?", abort=True, err=True)
    with database.engine() as engine:
        kept = migrate.uninstall(engine)
    click.echo(f"Database {name} has nothing of sqlembed any more but your columns.")
    for what in kept:
        remark(f"Not removed: {what}")
