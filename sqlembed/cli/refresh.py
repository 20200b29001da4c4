"""``sqlembed refresh``: embed rows anew that are embedded already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sqlembed.cli.options import (
    Place,
    database_options,
    embedding_option,
    examples,
    json_option,
    program,
    registry_option,
)

if TYPE_CHECKING:
    from sqlembed.cli.database import Connection
    from sqlembed.cli.estimate import Estimate
    from sqlembed.cli.tables import Declared
    from sqlembed.embedders import Registry

CHECK = "select sqlembed._check_relation(%s::regclass)"
REFRESH = "select sqlembed.refresh_embedding(%s::regclass, %s, %s)"
READ_ONLY = "set transaction isolation level repeatable read read only"


@click.command(
    short_help="Embed rows anew that are embedded already.",
    epilog=examples(
        "sqlembed refresh report",
        "sqlembed refresh report --filter \"state = 'TX'\" --dry-run",
        "sqlembed refresh weather.report --embedding by_title --no-wait",
    ),
)
@database_options
@click.argument("table")
@embedding_option("Which vector column, where the table has several.")
@click.option("--filter", metavar="CONDITION", help="Only rows that this SQL condition keeps.")
@registry_option
@click.option("--wait/--no-wait", default=True, help="Whether to wait for the vectors.")
@click.option("--dry-run", is_flag=True, help="Say what it would cost, and change nothing.")
@json_option
def refresh(
    place: Place,
    table: str,
    embedding: str | None,
    filter: str | None,
    registry: str | None,
    wait: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Queue the rows of TABLE to be embedded anew, and wait until they are.

    The vectors that are there stay meanwhile. Texts that are in the cache are not computed again.
    """
    from sqlembed.cli import serving
    from sqlembed.cli.database import open_database, scalar
    from sqlembed.cli.estimated import documents, show
    from sqlembed.cli.output import print_json, remark, warn
    from sqlembed.cli.tables import declared_embedding, relation_of

    database = open_database(place)
    with database.connect() as connection:
        relation = relation_of(connection, table)
        declared = declared_embedding(connection, relation, embedding)
        embedders = serving.load_registry(registry)
        if dry_run:
            found = _estimate(connection, embedders, declared, filter)
            if as_json:
                print_json({"table": relation, "embeddings": documents([found])})
            else:
                show([found])
            return
        serving.make_servable(database, connection, embedders, declared.embedder, wait)
        queued = scalar(connection, REFRESH, (relation, declared.name, filter))
        failed: tuple[int, str | None] = (0, None)
        if wait:
            try:
                serving.wait_until_embedded(
                    database, connection, embedders, relation, [declared.embedder]
                )
            except KeyboardInterrupt:
                remark("The rows that are not embedded yet wait for a worker.")
                raise
            failed = serving.failures_of(connection, relation, declared.name)
    if as_json:
        document: dict[str, Any] = {"table": relation, "embedding": declared.name}
        print_json(document | {"queued": queued, "failed": failed[0]})
    else:
        click.echo(
            f"{queued} rows of {relation} {'are embedded anew' if wait else 'wait for a worker'}."
        )
    if failed[0]:
        warn(f"{failed[0]} rows have no {declared.name}: {failed[1]}")
        remark(f"When that is mended: {program()} retry {relation}")
        raise click.exceptions.Exit(1)


def _estimate(
    connection: Connection, registry: Registry, declared: Declared, filter: str | None
) -> Estimate:
    from sqlembed.cli.estimate import Wanted, estimate

    with connection.transaction():
        connection.execute(READ_ONLY)
        connection.execute(CHECK.encode(), (declared.relation,))
        return estimate(
            connection,
            registry,
            Wanted(
                declared.relation,
                declared.source,
                declared.name,
                declared.embedder,
                filter or "true",
            ),
        )
