"""Clusters of a table by k-means, for the command line: fitted, perhaps kept, and described."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlembed import clustering, errors

if TYPE_CHECKING:
    import sqlalchemy as sa

    from sqlembed.cli.database import Connection
    from sqlembed.cli.tables import Declared
    from sqlembed.clustering import KMeansModel

#: Reports repeat themselves, and three times the same text says nothing.
LOOKED_AT = 30

KEPT = """
select relation::text, relation = %s::regclass, cluster_column::text, embedding::text
from sqlembed.clustering_status
where name = %s
"""


@dataclass(frozen=True)
class Shown:
    """A cluster, as it is shown."""

    number: int
    size: int
    #: Of its rows around the centroid, where a model knows it.
    radius: float | None
    terms: tuple[str, ...]
    #: Texts and their distances, nearest to the centroid first.
    nearest: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Wish:
    """What somebody wants k-means to do, and to see of it."""

    model: str
    #: Where each row's cluster is kept, if anywhere.
    column: str | None
    num_clusters: int | None
    seed: int
    examples: int
    terms: int
    config: str | None


def by_k_means(
    connection: Connection, engine: sa.Engine, declared: Declared, wish: Wish
) -> tuple[KMeansModel, list[Shown]]:
    """Fit a model, or the clustering of that name anew, and say what its clusters hold.

    Raises:
        InputError: another clustering has the model's name.
    """
    from psycopg import sql

    kept = connection.execute(KEPT.encode(), (declared.holder, wish.model)).fetchone()
    if kept is not None and None in kept:
        # One of its columns is gone: SQL refuses, and says how to drop it.
        kept = None
    if kept is not None and (wish.column is None or kept[1:3] != (True, wish.column)):
        name = sql.Literal(wish.model).as_string()
        raise errors.InputError(
            f"model {wish.model} keeps column {kept[2]} of {kept[0]} up to date",
            hint=f"To fit it anew, say --column {kept[2]}; for another model, --name MODEL."
            if kept[1]
            else f"Say --name MODEL, or stop that: select sqlembed.drop_clustering({name});",
        )
    with engine.begin() as transaction:
        if kept is not None and kept[3] != declared.name:
            # By other vectors, as after a switch of generations: nothing of it can stay.
            clustering.drop_clustering(transaction, wish.model)
            kept = None
        if kept is not None:
            made = clustering.refit_clustering(
                transaction, wish.model, num_clusters=wish.num_clusters
            )
        elif wish.column is not None:
            made = clustering.create_clustering(
                transaction,
                declared.holder,
                wish.model,
                embedding=declared.name,
                cluster_column=wish.column,
                num_clusters=wish.num_clusters,
                metric=declared.cluster_metric,
                seed=wish.seed,
                replace=True,
            )
        else:
            made = clustering.create_kmeans(
                transaction,
                wish.model,
                _query(declared, _key(declared)),
                num_clusters=wish.num_clusters,
                metric=declared.cluster_metric,
                seed=wish.seed,
                replace=True,
            )
        found = clustering.describe_clusters(
            transaction,
            wish.model,
            _query(declared, declared.source),
            examples=LOOKED_AT if wish.examples else 0,
            terms=wish.terms,
            config=wish.config or declared.full_text,
        )
    shown = [
        Shown(
            cluster.centroid.centroid_id,
            cluster.centroid.cluster_size,
            cluster.centroid.cluster_radius,
            cluster.terms,
            different([(one.id, one.distance) for one in cluster.examples], wish.examples),
        )
        for cluster in found
    ]
    return made, shown


def different(near: list[tuple[str, float]], count: int) -> tuple[tuple[str, float], ...]:
    """Return the first of different texts, each with its smallest distance."""
    nearest: dict[str, float] = {}
    for text, distance in near:
        nearest.setdefault(text, distance)
    return tuple(nearest.items())[:count]


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
