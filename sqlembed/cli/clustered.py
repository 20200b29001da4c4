"""What ``sqlembed cluster`` has found, as a table or as one document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from sqlembed.cli.clusterer import Shown
    from sqlembed.cli.tables import Declared
    from sqlembed.clustering import KMeansModel

#: So that the rows beside them have room.
TERMS_A_LINE = 2


def document(
    declared: Declared,
    method: str,
    column: str | None,
    made: KMeansModel | None,
    found: list[Shown],
) -> dict[str, Any]:
    """Return the document of ``--json``."""
    document: dict[str, Any] = {
        "table": declared.relation,
        "embedding": declared.name,
        "method": method,
        "column": column,
    }
    if made is not None:
        document |= {"model": made.name, "iterations": made.iterations, "loss": made.loss}
    return document | {
        "num_clusters": sum(shown.number >= 0 for shown in found),
        "clusters": [
            {
                "cluster": shown.number,
                "size": shown.size,
                "radius": shown.radius,
                "terms": list(shown.terms),
                "nearest": [{"text": text, "distance": far} for text, far in shown.nearest],
            }
            for shown in found
        ],
    }


def print_clusters(declared: Declared, found: list[Shown]) -> None:
    """Print each cluster: its size, its words, and rows near its centroid."""
    from itertools import zip_longest

    from sqlembed.cli.output import console, table

    output = console()
    source = ", ".join(declared.source_columns)
    columns = ["cluster", "rows", "about", f"nearest to its centroid ({source})"]
    rows: list[list[Any]] = []
    for shown in found:
        first = [str(shown.number) if shown.number >= 0 else "none", str(shown.size)]
        texts = [text for text, _ in shown.nearest]
        lines = list(zip_longest(_lines(list(shown.terms)), texts, fillvalue=""))
        rows += [
            [*(first if number == 0 else ("", "")), words, text]
            for number, (words, text) in enumerate(lines or [("", "")])
        ]
    kept = [index for index in range(4) if index < 2 or any(row[index] for row in rows)]
    laid, _ = table(
        [columns[index] for index in kept],
        [[row[index] for index in kept] for row in rows],
        width=output.width,
    )
    output.print(laid)


def print_model(declared: Declared, made: KMeansModel, column: str | None) -> None:
    """Say what the model is called, and how to go on with it."""
    from psycopg import sql

    from sqlembed.loading import quoted

    name = sql.Literal(made.name).as_string()
    after = f"\n{_counted(made.num_clusters)} after {made.iterations} iterations"
    if column is None:
        click.echo(
            f"{after}, kept as model {made.name}. The cluster of a row:\n"
            f"  select sqlembed.predict({name}, {quoted(declared.name)}) from {declared.holder};"
        )
    else:
        click.echo(
            f"{after}. Column {column} of {declared.holder} is kept up to date by model"
            f" {made.name}. To stop that:\n"
            f"  select sqlembed.drop_clustering({name});"
        )


def print_labels(declared: Declared, method: str, column: str, found: list[Shown]) -> None:
    """Say where the labels of another method are."""
    count = sum(shown.number >= 0 for shown in found)
    click.echo(f"\n{_counted(count)} by {method}, in column {column} of {declared.relation}.")


def _counted(count: int) -> str:
    return f"{count} cluster{'' if count == 1 else 's'}"


def _lines(terms: list[str]) -> list[str]:
    """Lay terms out below each other, some on each line, as the texts beside them are."""
    groups = [terms[start : start + TERMS_A_LINE] for start in range(0, len(terms), TERMS_A_LINE)]
    return [", ".join(group) for group in groups]
