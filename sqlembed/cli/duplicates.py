"""``sqlembed duplicates``: the rows of a table that say nearly the same, in groups."""

from __future__ import annotations

from itertools import groupby
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
    from sqlembed.cli.database import Connection
    from sqlembed.cli.tables import Declared

KEY = "select expression from sqlembed._key_sql(%s::regclass, %s)"
GROUPS = """
select d.group_id, d.key, d.similarity, t.text
from sqlembed.duplicates(
    %(relation)s::regclass, %(threshold)s, embedding => %(embedding)s, filter => %(filter)s,
    within => %(within)s, mode => %(mode)s
) as d
join (select {key} as key, {source} as text from {rows}) as t on t.key = d.key
order by d.group_id, d.is_representative desc, d.similarity desc, d.key
"""


@click.command(
    short_help="Show rows that say nearly the same.",
    epilog=examples(
        "sqlembed duplicates report",
        "sqlembed duplicates report --threshold 0.9 --within state",
        "sqlembed duplicates report --mode exact --json",
    ),
)
@database_options
@click.argument("table")
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.95,
    show_default=True,
    help="How alike they are at least: the cosine of their vectors.",
)
@click.option("--filter", metavar="SQL", help="A condition on the rows to look at.")
@click.option("--within", metavar="SQL", help="Compare only rows that agree in this expression.")
@click.option(
    "--mode",
    type=click.Choice(["vector", "exact"]),
    default="vector",
    show_default=True,
    help="vector may miss some in a large table; exact compares all pairs.",
)
@click.option(
    "--groups", type=click.IntRange(min=1), default=20, show_default=True, help="To show."
)
@click.option(
    "--rows", type=click.IntRange(min=1), default=5, show_default=True, help="To show of each."
)
@embedding_option("Which vector column, where the table has several.")
@json_option
def duplicates(
    place: Place,
    table: str,
    threshold: float,
    filter: str | None,
    within: str | None,
    mode: str,
    groups: int,
    rows: int,
    embedding: str | None,
    as_json: bool,
) -> None:
    """Show the rows of TABLE that say nearly the same, the largest groups first.

    The first row of a group is its representative, and the others are shown with their similarity
    to it. With --json all groups are printed, with the keys of all their rows.
    """
    from sqlembed.cli.database import open_database
    from sqlembed.cli.output import patience, print_json
    from sqlembed.cli.tables import declared_embedding, relation_of

    database = open_database(place)
    with database.connect() as connection:
        relation = relation_of(connection, table)
        declared = declared_embedding(connection, relation, embedding)
        wanted = {
            "relation": relation,
            "threshold": threshold,
            "embedding": declared.name,
            "filter": filter,
            "within": within,
            "mode": mode,
        }
        with patience(f"comparing the rows of {relation}"):
            found = _find(connection, declared, wanted)
    if as_json:
        print_json({"table": relation, **wanted, "groups": found})
    else:
        _print(declared, found, groups, rows)


def _find(
    connection: Connection, declared: Declared, wanted: dict[str, Any]
) -> list[dict[str, Any]]:
    from psycopg import sql

    from sqlembed.cli.database import scalar
    from sqlembed.cli.tables import literally

    alias = sql.Identifier(declared.alias).as_string(connection)
    key = str(scalar(connection, KEY, (declared.relation, f"{alias}.")))
    statement = sql.SQL(GROUPS).format(
        key=literally(key), source=literally(declared.source), rows=literally(declared.rows)
    )
    rows = connection.execute(statement, wanted)
    return [
        {
            "size": len(members := list(group)),
            "rows": [
                {"key": key, "similarity": similarity, "text": text}
                for _, key, similarity, text in members
            ],
        }
        for _, group in groupby(rows, key=lambda row: row[0])
    ]


def _print(declared: Declared, found: list[dict[str, Any]], groups: int, rows: int) -> None:
    from sqlembed.cli.output import console, table

    if not found:
        click.echo("No two rows are that much alike.")
        return
    output = console()
    lines: list[list[Any]] = []
    for number, group in enumerate(found[:groups], start=1):
        for place, row in enumerate(group["rows"][:rows]):
            head = ["", ""] if place else [str(number), str(group["size"])]
            lines.append([*head, f"{row['similarity']:.3f}", row["text"]])
    source = ", ".join(declared.source_columns)
    laid, _ = table(["group", "rows", "similarity", source], lines, width=output.width)
    output.print(laid)
    extra = sum(group["size"] - 1 for group in found)
    several = "s" if len(found) > 1 else ""
    shown = f", of which {groups} are shown" if len(found) > groups else ""
    click.echo(
        f"\n{len(found)} group{several}{shown}; {extra} rows could go if one of each group stays."
    )
