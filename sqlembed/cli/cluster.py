"""``sqlembed cluster``: k-means over a table, and what each cluster holds."""

from __future__ import annotations

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

DROP = "select sqlembed.drop_model(name) from sqlembed.cluster_model where name = %s"
CREATE = """
select num_clusters, iterations, loss
from sqlembed.create_kmeans(
    name => %s, query => %s, num_clusters => %s, metric => %s, seed => %s
)
"""
MEMBERS = """
select c.centroid_id, c.cluster_size, c.cluster_radius, n.text, n.distance
from sqlembed.centroids(%(model)s) as c
cross join lateral (
    select {source} as text, {vector} {operator} {centroid} as distance
    from {rows}
    where {vector} is not null
    order by {vector} {operator} {centroid}
    limit %(looked_at)s
) as n
order by c.cluster_size desc, c.centroid_id, n.distance
"""
OPERATOR = "select sqlembed._metric_operator(%s)"

#: Reports repeat themselves, and three times the same text says nothing.
LOOKED_AT = 30

#: k-means knows two metrics; each of the others comes close to one of them.
METRICS = {"inner_product": "cosine", "l1": "euclidean"}


@click.command(
    short_help="Cluster a table, and show what each cluster holds.",
    epilog=examples(
        "sqlembed cluster report",
        "sqlembed cluster report -k 10 --rows 5",
        "sqlembed cluster weather.report --name weather_topics --json",
    ),
)
@database_options
@click.argument("table")
@click.option("-k", type=click.IntRange(min=1), help="How many clusters; by default found out.")
@click.option(
    "--rows", type=click.IntRange(min=0), default=3, show_default=True, help="To show of each."
)
@click.option(
    "--name", metavar="MODEL", help="Name of the model to make.  [default: <table>_kmeans]"
)
@click.option("--seed", default=0, show_default=True, help="Of the random choices.")
@embedding_option("Which vector column, where the table has several.")
@json_option
def cluster(
    place: Place,
    table: str,
    k: int | None,
    rows: int,
    name: str | None,
    seed: int,
    embedding: str | None,
    as_json: bool,
) -> None:
    """Cluster the rows of TABLE by k-means and show what is nearest to each centre.

    The model stays in the database; one of the same name is replaced.
    """
    from sqlembed.cli.database import open_database
    from sqlembed.cli.output import patience, print_json
    from sqlembed.cli.tables import declared_embedding, relation_of

    database = open_database(place)
    with database.connect() as connection:
        relation = relation_of(connection, table)
        declared = declared_embedding(connection, relation, embedding)
        model = name or f"{relation}_kmeans"
        with patience(f"clustering {relation}"), connection.transaction():
            found = _fit(connection, declared, model, k, seed)
            found["clusters"] = _clusters(connection, declared, model, rows)
    if as_json:
        print_json({"table": relation, "embedding": declared.name, "model": model} | found)
    else:
        _print(declared, model, found)


def _fit(
    connection: Connection, declared: Declared, model: str, k: int | None, seed: int
) -> dict[str, Any]:
    from psycopg import sql

    keys = sql.SQL(", ").join(sql.Identifier(declared.alias, key) for key in declared.key_columns)
    key = keys if len(declared.key_columns) == 1 else sql.SQL("jsonb_build_array({})").format(keys)
    query = sql.SQL("select {}, {} from {}").format(
        key, sql.SQL(declared.vector), sql.SQL(declared.rows)
    )
    connection.execute(DROP.encode(), (model,))
    metric = METRICS.get(declared.metric, declared.metric)
    row = connection.execute(
        CREATE.encode(), (model, query.as_string(connection), k, metric, seed)
    ).fetchone()
    assert row is not None
    return dict(zip(("num_clusters", "iterations", "loss"), row, strict=True))


def _clusters(
    connection: Connection, declared: Declared, model: str, rows: int
) -> list[dict[str, Any]]:
    from psycopg import sql

    from sqlembed.cli.database import scalar

    metric = METRICS.get(declared.metric, declared.metric)
    statement = sql.SQL(MEMBERS).format(
        source=sql.SQL(declared.source),
        vector=sql.SQL(declared.vector),
        operator=sql.SQL(str(scalar(connection, OPERATOR, (metric,)))),
        centroid=sql.SQL("c.centroid"),
        rows=sql.SQL(declared.rows),
    )
    found: dict[int, dict[str, Any]] = {}
    wanted = {"model": model, "looked_at": LOOKED_AT}
    for number, size, radius, text, distance in connection.execute(statement, wanted):
        shown = found.setdefault(
            number, {"cluster": number, "size": size, "radius": radius, "nearest": []}
        )
        nearest = shown["nearest"]
        if len(nearest) < rows and text not in (other["text"] for other in nearest):
            nearest.append({"text": text, "distance": distance})
    return list(found.values())


def _print(declared: Declared, model: str, found: dict[str, Any]) -> None:
    from psycopg import sql

    from sqlembed.cli.output import console, table
    from sqlembed.loading import quoted

    output = console()
    rows: list[list[Any]] = []
    for shown in found["clusters"]:
        nearest = shown["nearest"] or [{"text": ""}]
        rows.append([str(shown["cluster"]), str(shown["size"]), nearest[0]["text"]])
        rows += [["", "", other["text"]] for other in nearest[1:]]
    source = ", ".join(declared.source_columns)
    laid, _ = table(
        ["cluster", "rows", f"nearest to its centre ({source})"], rows, width=output.width
    )
    output.print(laid)
    number = found["num_clusters"]
    clusters = f"{number} cluster{'' if number == 1 else 's'}"
    literal = sql.Literal(model).as_string()
    click.echo(
        f"\n{clusters} after {found['iterations']} iterations, kept as model {model}."
        " The cluster of a row:\n"
        f"  select sqlembed.predict({literal}, {quoted(declared.name)}) from {declared.holder};"
    )
