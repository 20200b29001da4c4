"""``sqlembed generation``: change the embedder of a table that is in use."""

from __future__ import annotations

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

LIST = """
select g.relation::text as "table", g.embedding::text, g.generation, g.place, g.embedder,
    g.dimensions, s.total, s.embedded, s.pending, s.failed
from sqlembed.generation as g
left join sqlembed.embedding as e
    on e.relation = g.relation and e.generation = g.generation
    and coalesce(
        (select c.name from sqlembed.embedding as c where c.id = e.generation_of), e.name
    ) = g.embedding
left join sqlembed.status as s on s.relation = e.relation and s.embedding = e.name
where %(relation)s::text is null or g.relation = %(relation)s::regclass
order by 1, 2, 3
"""
COLUMNS = ["table", "embedding", "generation", "embedder", "dimensions", "total", "embedded"]
COLUMNS += ["pending", "failed", "place"]

CREATE = """
select sqlembed.create_generation(
    %s::regclass, %s, %s, source => %s, metric => %s, storage => %s, index => %s,
    rows_per_second => %s
)
"""
TIME = "select sqlembed.alter_embedding(%s::regclass, %s, timing => %s)"
STEP = "select sqlembed.{}_generation(%s::regclass, %s)"

#: How often a switch is tried while rows are written that have their vector not yet.
ATTEMPTS = 5

which = embedding_option("Which vector column, where the table has several.")


@click.group(
    epilog=examples(
        "sqlembed generation start report --embedder mpnet --rows-per-second 200",
        "sqlembed generation switch report",
        "sqlembed generation drop report",
    ),
)
def generation() -> None:
    """Change the embedder of a table that is in use.

    Or its source, or its metric. The next generation of vectors is built beside the present one,
    and takes its place at once. The previous one is kept, and kept up to date, until it is dropped.
    """


@generation.command(
    "list",
    short_help="Show the generations and how far they are.",
    epilog=examples(
        "sqlembed generation list",
        "sqlembed generation list report --json",
    ),
)
@database_options
@click.argument("table", required=False)
@json_option
def list_(place: Place, table: str | None, as_json: bool) -> None:
    """Show the generations of all tables, or of TABLE."""
    from psycopg.rows import dict_row

    from sqlembed.cli import output
    from sqlembed.cli.database import open_database
    from sqlembed.cli.tables import relation_of

    with open_database(place).connect() as connection:
        relation = None if table is None else relation_of(connection, table)
        with connection.cursor(row_factory=dict_row) as cursor:
            found = cursor.execute(LIST.encode(), {"relation": relation}).fetchall()
    if as_json:
        output.print_json(found)
        return
    screen = output.console()
    shown = [[row[name] for name in COLUMNS] for row in found]
    screen.print(output.table(COLUMNS, shown, width=screen.width, first=COLUMNS[:5])[0])


@generation.command(
    short_help="Build the next generation beside the present one.",
    epilog=examples(
        "sqlembed generation start report --embedder mpnet --rows-per-second 200",
        "sqlembed generation start report --source comments --no-wait",
    ),
)
@database_options
@click.argument("table")
@click.option("--embedder", metavar="NAME", help="Another embedder.")
@click.option("--source", metavar="EXPRESSION", help="Another source.")
@click.option("--metric", help="Another metric.")
@click.option("--storage", help="Another type: vector or halfvec.")
@click.option("--index", help="Another kind of index.")
@click.option(
    "--rows-per-second", type=click.IntRange(1), help="How many rows a worker embeds at most."
)
@which
@registry_option
@click.option("--wait/--no-wait", default=True, help="Whether to wait for vectors and index.")
def start(
    place: Place,
    table: str,
    embedder: str | None,
    source: str | None,
    metric: str | None,
    storage: str | None,
    index: str | None,
    rows_per_second: int | None,
    embedding: str | None,
    registry: str | None,
    wait: bool,
) -> None:
    """Build the next generation of TABLE's embedding; searches go on with the present one."""
    from sqlembed.cli import building, serving
    from sqlembed.cli.database import open_database, scalar
    from sqlembed.cli.output import remark
    from sqlembed.cli.tables import declared_embedding, relation_of

    database = open_database(place)
    with database.connect() as connection:
        relation = relation_of(connection, table)
        declared = declared_embedding(connection, relation, embedding)
        embedders = serving.load_registry(registry)
        wanted = embedder or declared.embedder
        serving.make_servable(database, connection, embedders, wanted, wait)
        values = (wanted, declared.name, source, metric, storage, index, rows_per_second)
        scalar(connection, CREATE, (relation, *values))
        if wait:
            found = building.beside(connection, relation, declared.name, "next")
            assert found is not None
            building.wait_until_built(database, connection, embedders, found)
            building.build_index(connection, relation, declared.name, found)
    click.echo(
        f"The next generation of {relation}.{declared.name} is {'ready' if wait else 'begun'}."
    )
    remark(f"To let it take the place of the present one: {program()} generation switch {relation}")


@generation.command(
    short_help="Let the next generation take the place of the present one.",
    epilog=examples("sqlembed generation switch report"),
)
@database_options
@click.argument("table")
@which
@registry_option
def switch(place: Place, table: str, embedding: str | None, registry: str | None) -> None:
    """Wait until the next generation is ready, build its index, and switch.

    Writers and readers of TABLE go on. The previous generation is kept until it is dropped.
    """
    _exchange("switch", "next", place, table, embedding, registry)


@generation.command(
    short_help="Let the previous generation be the current one again.",
    epilog=examples("sqlembed generation rollback report"),
)
@database_options
@click.argument("table")
@which
@registry_option
def rollback(place: Place, table: str, embedding: str | None, registry: str | None) -> None:
    """Go back to the previous generation; what was current is the next one again."""
    _exchange("rollback", "previous", place, table, embedding, registry)


@generation.command(
    short_help="Give up the next generation.",
    epilog=examples("sqlembed generation abandon report"),
)
@database_options
@click.argument("table")
@which
def abandon(place: Place, table: str, embedding: str | None) -> None:
    """Drop the next generation of TABLE's embedding, however far it is."""
    _drop("abandon", place, table, embedding)


@generation.command(
    short_help="Drop the previous generation.",
    epilog=examples("sqlembed generation drop report --embedding by_title"),
)
@database_options
@click.argument("table")
@which
def drop(place: Place, table: str, embedding: str | None) -> None:
    """Drop the previous generation of TABLE's embedding, after which there is no way back."""
    _drop("drop", place, table, embedding)


def _exchange(
    step: str,
    which: str,
    place: Place,
    table: str,
    embedding: str | None,
    registry: str | None,
) -> None:
    import psycopg

    from sqlembed.cli import building, serving
    from sqlembed.cli.database import open_database, scalar
    from sqlembed.cli.tables import relation_of

    database = open_database(place)
    statement = STEP.format(step)
    with database.connect() as connection:
        relation = relation_of(connection, table)
        found = building.beside(connection, relation, embedding, which)
        if found is None:
            # It says what there is.
            scalar(connection, statement, (relation, embedding))
            return
        embedders = serving.load_registry(registry)
        building.wait_until_built(database, connection, embedders, found)
        if which == "next":
            building.build_index(connection, relation, embedding, found)
        if found.timing == "sync":
            # From here on a row has both vectors when it is committed.
            scalar(connection, TIME, (relation, found.name, "sync"))
        try:
            for attempt in range(1, ATTEMPTS + 1):
                building.wait_until_built(database, connection, embedders, found)
                try:
                    scalar(connection, statement, (relation, embedding))
                    break
                except psycopg.Error as error:
                    if error.sqlstate != "SE018" or attempt == ATTEMPTS:
                        raise
        except BaseException:
            # Writers do not go on to wait for two models.
            if found.timing == "sync" and not connection.closed:
                scalar(connection, TIME, (relation, found.name, "async"))
            raise
    click.echo(f"{relation} is searched with {found.embedder}.")


def _drop(step: str, place: Place, table: str, embedding: str | None) -> None:
    from sqlembed.cli.database import open_database, scalar
    from sqlembed.cli.tables import relation_of

    with open_database(place).connect() as connection:
        relation = relation_of(connection, table)
        scalar(connection, STEP.format(step), (relation, embedding))
    click.echo(f"The {'next' if step == 'abandon' else 'previous'} generation is gone.")
