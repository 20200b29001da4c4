"""``sqlembed search``: the rows of a table that are nearest to a text."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from sqlembed.cli.explained import explained, print_explanation
from sqlembed.cli.modes import MODES, WHAT_THEY_DO, call
from sqlembed.cli.options import (
    Place,
    database_options,
    embedding_option,
    examples,
    json_option,
    registry_option,
)

if TYPE_CHECKING:
    from sqlembed.cli.database import Connection
    from sqlembed.cli.tables import Declared

T = TypeVar("T")

SEARCH = """
select s.distance, s.score, s.chunk, pg_catalog.row_to_json(r)
from {call} with ordinality as s (base, distance, score, chunk, place)
cross join lateral (select {columns}) as r
order by s.place
"""
#: No worker alive after all, and a loopback that does not work: this process can do without both.
DO_WITHOUT = ("SE003", "SE006")


@click.command(
    short_help="Show the rows that are nearest to a text.",
    epilog=examples(
        'sqlembed search report "power line down on a home"',
        'sqlembed search report "large hail" -k 3 --filter "state = \'TX\'"',
        'sqlembed search weather.report "flooded road" --json',
    ),
)
@database_options
@click.argument("table")
@click.argument("query")
@click.option(
    "-k", type=click.IntRange(min=1), default=10, show_default=True, help="How many rows."
)
@click.option("--filter", metavar="SQL", help="A condition on the table's columns, applied first.")
@click.option(
    "--mode",
    type=click.Choice(MODES),
    default="vector",
    show_default=True,
    help=WHAT_THEY_DO,
)
@click.option(
    "--diversity",
    type=click.FloatRange(0, 1),
    metavar="0..1",
    help="How unlike each other the rows should be: 0 not at all, which is the default.",
)
@click.option("--explain", is_flag=True, help="Say how the search went, instead of its rows.")
@embedding_option("Which vector column, where the table has several.")
@registry_option
@json_option
def search(
    place: Place,
    table: str,
    query: str,
    k: int,
    filter: str | None,
    mode: str,
    diversity: float | None,
    explain: bool,
    embedding: str | None,
    registry: str | None,
    as_json: bool,
) -> None:
    """Show the rows of TABLE whose embedding is nearest to the text QUERY.

    With words, in the modes text and hybrid, "quotation marks" and a -minus hold for every row.

    A living worker embeds the query; without one this command does it itself, with the embedder of
    the registry. Distances are those of the embedding's metric: cosine distance unless declared
    otherwise.
    """
    from sqlembed.cli.database import open_database
    from sqlembed.cli.tables import declared_embedding, relation_of

    if not query.strip():
        raise click.UsageError("QUERY is empty: give the text to search for.")
    if mode in ("hybrid", "text") and (diversity is not None or explain):
        raise click.UsageError(
            f"--{'explain' if explain else 'diversity'} goes with --mode vector or exact."
        )
    database = open_database(place)
    with database.connect() as connection:
        relation = relation_of(connection, table)
        declared = declared_embedding(connection, relation, embedding)
        wanted = {
            "query": query,
            "relation": relation,
            "k": k,
            "embedding": declared.name,
            "filter": filter,
            "mode": mode,
            "text_weight": 1,
            "diversity": diversity,
        }
        if explain:
            print_explanation(
                _ask(connection, declared, wanted, registry, explained), as_json=as_json
            )
            return
        hits = _ask(connection, declared, wanted, registry, _select)
        if mode != "text":
            _say_pending(connection, relation)
    if as_json:
        _print_document(declared, wanted, hits)
    else:
        _print_table(declared, hits)


def _ask(
    connection: Connection,
    declared: Declared,
    wanted: dict[str, Any],
    registry: str | None,
    ask: Callable[[Connection, Declared, dict[str, Any]], T],
) -> T:
    """Return what the database answers, with the query's vector if no worker can compute it."""
    import psycopg

    from sqlembed.cli.serving import is_served, load_registry, matching_embedder, query_vector

    # Words need no embedder.
    if wanted["mode"] == "text" or is_served(connection, declared.embedder):
        try:
            return ask(connection, declared, wanted)
        except psycopg.Error as error:
            if error.sqlstate not in DO_WITHOUT:
                raise
    embedder = matching_embedder(connection, load_registry(registry), declared.embedder)
    given = {**wanted, "vector": query_vector(embedder, wanted["query"])}
    return ask(connection, declared, given)


def _select(
    connection: Connection, declared: Declared, wanted: dict[str, Any]
) -> list[dict[str, Any]]:
    from psycopg import sql

    columns = sql.SQL(", ").join(
        sql.SQL("(s.base).{}").format(sql.Identifier(name)) for name in declared.columns
    )
    statement = sql.SQL(SEARCH).format(
        call=call(declared.relation, wanted["mode"], given_vector="vector" in wanted),
        columns=columns,
    )
    hits = []
    for distance, score, chunk, row in connection.execute(statement, wanted):
        own = {"distance": distance, "score": score, "chunk": chunk}
        hit = {
            name: value
            for name, value in own.items()
            if value is not None or (name == "distance" and wanted["mode"] != "text")
        }
        # A column of the same name must not hide ours.
        hits.append(hit | {f"row.{n}" if n in own else n: value for n, value in row.items()})
    return hits


def _say_pending(connection: Connection, relation: str) -> None:
    from sqlembed.cli.output import remark
    from sqlembed.cli.serving import pending_rows

    pending, served = pending_rows(connection, relation)
    if pending:
        unserved = "" if served else " No worker that serves them is alive: sqlembed worker."
        remark(
            f"{pending} rows of {relation} wait to be embedded and cannot be found by meaning yet."
            f"{unserved}"
        )


def _print_document(declared: Declared, wanted: dict[str, Any], hits: list[dict[str, Any]]) -> None:
    from sqlembed.cli.output import print_json

    print_json(
        {
            "table": declared.relation,
            "embedding": declared.name,
            "query": wanted["query"],
            "mode": wanted["mode"],
            "filter": wanted["filter"],
            "hits": hits,
        }
    )


def _print_table(declared: Declared, hits: list[dict[str, Any]]) -> None:
    from sqlembed.cli.output import console, remark, table

    if not hits:
        click.echo("No rows.")
        return
    output = console()
    names = list(hits[0])
    # Hybrid scores differ in their fourth digit, and rows without a vector have no distance.
    figures = {"distance": "{:.3f}", "score": "{:.4f}"}
    rows = [
        [
            figures[name].format(hit[name]) if name in figures and hit[name] is not None
            else hit[name]
            for name in names
        ]
        for hit in hits
    ]  # fmt: skip
    first = [*figures, *declared.source_columns, *declared.key_columns]
    laid, left_out = table(names, rows, width=output.width, first=first)
    output.print(laid)
    if left_out:
        remark(f"No room for {', '.join(left_out)}: --json has everything.")
