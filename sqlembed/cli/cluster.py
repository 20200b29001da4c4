"""``sqlembed cluster``: the clusters of a table, and what each of them holds."""

from __future__ import annotations

import json
from typing import Any

import click

from sqlembed.cli.options import (
    Place,
    database_options,
    embedding_option,
    examples,
    json_option,
    registry_option,
)

K_MEANS = "kmeans"

#: Options that k-means alone understands.
OF_K_MEANS = {"k": "-k", "name": "--name", "seed": "--seed", "terms": "--terms"}


def _object(context: click.Context, parameter: click.Parameter, value: str | None) -> Any:
    del context, parameter
    if value is None:
        return {}
    try:
        found = json.loads(value)
    except ValueError as error:
        raise click.BadParameter(f"this is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise click.BadParameter('not an object, such as {"min_cluster_size": 10}')
    return found


@click.command(
    short_help="Cluster a table, and show what each cluster holds.",
    epilog=examples(
        "sqlembed cluster report",
        "sqlembed cluster report -k 10 --column topic",
        """sqlembed cluster report --method hdbscan --parameters '{"min_cluster_size": 10}'""",
        "sqlembed cluster weather.report --name weather_topics --json",
    ),
)
@database_options
@click.argument("table")
@click.option(
    "-k",
    type=click.IntRange(min=1),
    help="How many clusters; by default as many as have the best silhouette.",
)
@click.option(
    "--column",
    metavar="COLUMN",
    help="Write each row's cluster into this column, which is added if it is missing. That of"
    " k-means is kept up to date from then on.  [default: cluster for other methods]",
)
@click.option(
    "--method",
    metavar="METHOD",
    default=K_MEANS,
    show_default=True,
    help="kmeans, hdbscan, which leaves out what is near nothing, or a function of a registry.",
)
@click.option(
    "--parameters",
    metavar="JSON",
    callback=_object,
    help="What another method than kmeans is given.",
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
@registry_option
@json_option
@click.pass_context
def cluster(
    context: click.Context,
    place: Place,
    table: str,
    k: int | None,
    column: str | None,
    method: str,
    parameters: dict[str, Any],
    rows: int,
    terms: int,
    config: str | None,
    name: str | None,
    seed: int,
    embedding: str | None,
    registry: str | None,
    as_json: bool,
) -> None:
    """Cluster the rows of TABLE and show what each cluster is about.

    That is the words that tell it from the others, and the rows nearest to its centroid. The
    k-means model stays in the database; one of the same name is replaced, and one that keeps the
    column already is fitted anew, so that clusters which stayed keep their numbers.
    """
    from sqlembed.cli import clustered, clusterer, labelling, serving
    from sqlembed.cli.database import open_database
    from sqlembed.cli.output import patience, print_json
    from sqlembed.cli.tables import declared_embedding, relation_of

    _check(context, method, parameters)
    database = open_database(place)
    with database.connect() as connection, database.engine() as engine:
        relation = relation_of(connection, table)
        declared = declared_embedding(connection, relation, embedding)
        made = None
        if method == K_MEANS:
            wish = clusterer.Wish(
                name or f"{relation}_kmeans", column, k, seed, rows, terms, config
            )
            with patience(f"clustering {relation}"):
                made, found = clusterer.by_k_means(connection, engine, declared, wish)
        else:
            column = column or "cluster"
            functions = serving.load_registry(registry)
            with patience(f"clustering {relation} by {method}"):
                found = labelling.by_function(
                    *(database, connection, engine, declared, functions),
                    *(method, column, parameters, rows),
                )
    # The largest first, and what is in none at the end.
    found.sort(key=lambda shown: (shown.number < 0, -shown.size))
    if as_json:
        print_json(clustered.document(declared, method, column, made, found))
        return
    clustered.print_clusters(declared, found)
    if made is None:
        clustered.print_labels(declared, method, str(column), found)
    else:
        clustered.print_model(declared, made, column)


def _check(context: click.Context, method: str, parameters: dict[str, Any]) -> None:
    from click.core import ParameterSource

    if method == K_MEANS:
        if parameters:
            raise click.UsageError("--parameters are those of another --method than kmeans.")
        return
    for parameter, option in OF_K_MEANS.items():
        if context.get_parameter_source(parameter) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{option} goes with k-means; {method} takes --parameters.")
