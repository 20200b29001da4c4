"""``sqlembed advise``: which storage and index fit a table, measured on its own rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import click

from sqlembed.cli.options import (
    Place,
    database_options,
    embedding_option,
    examples,
    json_option,
)

if TYPE_CHECKING:
    from sqlembed.cli.advisor import Advice


@click.command(
    short_help="Measure which storage and index fit a table.",
    epilog=examples(
        "sqlembed advise report",
        "sqlembed advise report --sample 50000 --recall 0.99",
        "sqlembed advise weather.report --embedding by_title --json",
    ),
)
@database_options
@click.argument("table")
@embedding_option("Which vector column, where the table has several; it need not be declared.")
@click.option(
    "--sample",
    type=click.IntRange(min=100),
    default=10_000,
    show_default=True,
    help="How many rows to copy and index.",
)
@click.option(
    "--queries",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="How many other rows to search for.",
)
@click.option(
    "-k",
    type=click.IntRange(min=1, max=1000),
    default=10,
    show_default=True,
    help="How many rows a search finds.",
)
@click.option(
    "--recall",
    type=click.FloatRange(min=0, max=1),
    default=0.95,
    show_default=True,
    help="Share of the nearest rows that an index has to find.",
)
@json_option
def advise(
    place: Place,
    table: str,
    embedding: str | None,
    sample: int,
    queries: int,
    k: int,
    recall: float,
    as_json: bool,
) -> None:
    """Try the ways to store and index the vectors of TABLE, and recommend one.

    A sample of its rows is copied into a temporary table, which is gone afterwards, and indexed in
    every way; TABLE itself is only read. ms is the median time of a search there, without embedding
    the query; sizes are those to be expected of all rows; build is the time for the sample.
    """
    from sqlembed.cli.advisor import Trial, advice
    from sqlembed.cli.database import open_database

    database = open_database(place)
    with database.connect() as connection:
        found = advice(connection, table, embedding, Trial(sample, queries, k, recall))
    if as_json:
        _print_document(found)
    else:
        _print_table(found)


def _print_document(found: Advice) -> None:
    from dataclasses import asdict

    from sqlembed.cli.output import print_json

    column = found.column
    print_json(
        {
            "table": column.relation,
            "embedding": column.name,
            "metric": column.metric,
            "storage": column.storage,
            "dimensions": column.dimensions,
            "rows": column.total,
            "sampled": found.sampled,
            "queries": found.queries,
            "k": found.k,
            "measured": [
                asdict(one.option) | {n: v for n, v in asdict(one).items() if n != "option"}
                for one in found.measured
            ],
            "recommended": asdict(found.choice.option) | {"reason": found.choice.reason},
            "statements": found.statements,
        }
    )


def _print_table(found: Advice) -> None:
    from sqlembed.cli.output import console, table

    output = console()
    rows = [
        [
            str(one.option),
            f"{one.recall:.3f}",
            f"{one.milliseconds:.1f}",
            _size(one.column_size),
            _size(one.index_size) if one.index_size else "",
            f"{one.build_seconds:.1f} s" if one.index_size else "",
        ]
        for one in found.measured
    ]
    names = ["option", f"recall@{found.k}", "ms", "column", "index", "build"]
    laid, _ = table(names, rows, width=output.width, first=names)
    output.print(laid)
    column = found.column
    click.echo(
        f"\nMeasured on {found.sampled} of {column.total} rows of {column.relation}, with"
        f" {found.queries} others searched for; sizes for {column.total} rows."
    )
    click.echo(f"Recommended: {found.choice.option}: {found.choice.reason}.")
    if found.statements:
        click.echo()
        for statement in found.statements:
            click.echo(f"{statement};")
    elif column.embedding is not None:
        click.echo("That is how it is declared.")


def _size(size: float) -> str:
    kilobytes = size / 1024
    units = ("kB", "MB", "GB")
    power = min(int(math.log(max(kilobytes, 1), 1024)), len(units) - 1)
    shown = kilobytes / 1024**power
    return f"{shown:.1f} {units[power]}" if shown < 10 else f"{shown:.0f} {units[power]}"
