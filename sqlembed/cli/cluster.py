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
    from sqlembed.cli.tables import Declared
    from sqlembed.clustering import Cluster, ClusterMetric, KMeansModel

#: Reports repeat themselves, and three times the same text says nothing.
LOOKED_AT = 30

#: So that the rows beside them have room.
TERMS_A_LINE = 2

#: k-means knows two metrics; each of the others comes close to one of them.
METRICS: dict[str, ClusterMetric] = {
    "cosine": "cosine",
    "inner_product": "cosine",
    "euclidean": "euclidean",
    "l1": "euclidean",
}


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
@click.option(
    "-k", type=click.IntRange(min=1), help="How many clusters; by default by the number of rows."
)
@click.option(
    "--rows", type=click.IntRange(min=0), default=3, show_default=True, help="To show of each."
)
@click.option(
    "--terms",
    type=click.IntRange(min=0),
    default=6,
    show_default=True,
    help="Words to show of each.",
)
@click.option(
    "--language",
    "config",
    metavar="CONFIG",
    help="Text search configuration of the words, such as english.  [default: the declared one]",
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
    terms: int,
    config: str | None,
    name: str | None,
    seed: int,
    embedding: str | None,
    as_json: bool,
) -> None:
    """Cluster the rows of TABLE by k-means and show what each cluster is about.

    That is the words that tell it from the others, and the rows nearest to its centre. The model
    stays in the database; one of the same name is replaced.
    """
    from sqlembed import clustering
    from sqlembed.cli.database import open_database
    from sqlembed.cli.output import patience, print_json
    from sqlembed.cli.tables import declared_embedding, relation_of

    database = open_database(place)
    with database.connect() as connection:
        relation = relation_of(connection, table)
        declared = declared_embedding(connection, relation, embedding)
    model = name or f"{relation}_kmeans"
    with (
        patience(f"clustering {relation}"),
        database.engine() as engine,
        engine.begin() as transaction,
    ):
        made = clustering.create_kmeans(
            transaction,
            model,
            _query(declared, _key(declared)),
            num_clusters=k,
            # For looking through: the best silhouette may be that of two.
            choose_by="rows",
            metric=METRICS[declared.metric],
            seed=seed,
            replace=True,
        )
        found = clustering.describe_clusters(
            transaction,
            model,
            _query(declared, declared.source),
            examples=LOOKED_AT if rows else 0,
            terms=terms,
            config=config or declared.full_text,
        )
    clusters = [
        _shown(cluster, rows)
        for cluster in sorted(found, key=lambda cluster: -cluster.centroid.cluster_size)
    ]
    if as_json:
        print_json(
            {
                "table": relation,
                "embedding": declared.name,
                "model": model,
                "num_clusters": made.num_clusters,
                "iterations": made.iterations,
                "loss": made.loss,
                "clusters": clusters,
            }
        )
    else:
        _print(declared, made, clusters)


def _key(declared: Declared) -> str:
    from psycopg import sql

    keys = sql.SQL(", ").join(sql.Identifier(declared.alias, key) for key in declared.key_columns)
    several = len(declared.key_columns) > 1
    key = sql.SQL("pg_catalog.jsonb_build_array({})").format(keys) if several else keys
    return key.as_string()


def _query(declared: Declared, shown: str) -> str:
    return (
        f"select {shown}, {declared.vector} from {declared.rows}"
        f" where {declared.vector} is not null"
    )


def _shown(cluster: Cluster, rows: int) -> dict[str, Any]:
    nearest = {example.id: example.distance for example in reversed(cluster.examples)}
    texts = list(dict.fromkeys(example.id for example in cluster.examples))[:rows]
    return {
        "cluster": cluster.centroid.centroid_id,
        "size": cluster.centroid.cluster_size,
        "radius": cluster.centroid.cluster_radius,
        "terms": list(cluster.terms),
        "nearest": [{"text": text, "distance": nearest[text]} for text in texts],
    }


def _print(declared: Declared, made: KMeansModel, clusters: list[dict[str, Any]]) -> None:
    from itertools import zip_longest

    from psycopg import sql

    from sqlembed.cli.output import console, table
    from sqlembed.loading import quoted

    output = console()
    source = ", ".join(declared.source_columns)
    columns = ["cluster", "rows", "about", f"nearest to its centre ({source})"]
    rows: list[list[Any]] = []
    for shown in clusters:
        lines = [
            [str(shown["cluster"]), str(shown["size"])],
            _lines(shown["terms"]),
            [one["text"] for one in shown["nearest"]],
        ]
        first, about, nearest = lines
        rows += [
            [*(first if number == 0 else ("", "")), words, text]
            for number, (words, text) in enumerate(zip_longest(about, nearest, fillvalue=""))
        ] or [[*first, "", ""]]
    kept = [index for index in range(4) if index < 2 or any(row[index] for row in rows)]
    laid, _ = table(
        [columns[index] for index in kept],
        [[row[index] for index in kept] for row in rows],
        width=output.width,
    )
    output.print(laid)
    several = "" if made.num_clusters == 1 else "s"
    literal = sql.Literal(made.name).as_string()
    click.echo(
        f"\n{made.num_clusters} cluster{several} after {made.iterations} iterations, kept as model"
        f" {made.name}. The cluster of a row:\n"
        f"  select sqlembed.predict({literal}, {quoted(declared.name)}) from {declared.holder};"
    )


def _lines(terms: list[str]) -> list[str]:
    """Lay terms out below each other, some on each line, as the texts beside them are."""
    groups = [terms[start : start + TERMS_A_LINE] for start in range(0, len(terms), TERMS_A_LINE)]
    return [", ".join(group) for group in groups]
