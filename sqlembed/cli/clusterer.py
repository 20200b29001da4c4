"""Clusters of a table for the command line: a k-means model, or a function that a worker calls."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

from sqlembed import clustering, errors
from sqlembed.cli.database import scalar
from sqlembed.schema import functions

if TYPE_CHECKING:
    from collections.abc import Mapping

    import sqlalchemy as sa

    from sqlembed.cli.database import Connection, Database
    from sqlembed.cli.tables import Declared
    from sqlembed.clustering import ClusterMetric, KMeansModel
    from sqlembed.embedders import Registry

#: Reports repeat themselves, and three times the same text says nothing.
LOOKED_AT = 30

#: A worker that has it in hand ends by itself.
PATIENCE = timedelta(days=1)

#: k-means knows two metrics; each of the others comes close to one of them.
METRICS: dict[str, ClusterMetric] = {
    "cosine": "cosine",
    "inner_product": "cosine",
    "euclidean": "euclidean",
    "l1": "euclidean",
}

KEPT = """
select c.relation::text, c.relation = %s::regclass, v.attname::text, n.attname::text
from sqlembed.clustering as c
left join pg_catalog.pg_attribute as v
    on v.attrelid = c.relation and v.attnum = c.vector_number and not v.attisdropped
left join pg_catalog.pg_attribute as n
    on n.attrelid = c.relation and n.attnum = c.cluster_number and not n.attisdropped
where c.name = %s
"""
IS_SERVED = "select exists (select from sqlembed.worker as w where %s = any (w.clusterings))"
# What is in no cluster has no centre that anything could be near.
LABELLED = """
with labelled as materialized (
    select {label} as label, ({shown})::text as text, {vector}::public.vector as vector
    from {rows}
    where {vector} is not null and {label} is not null
),
cluster as (
    select l.label, pg_catalog.count(*) as size, public.avg(l.vector) as centre
    from labelled as l
    group by l.label
),
ranked as (
    select c.label, c.size, l.text, d.distance,
        pg_catalog.row_number() over (partition by c.label order by d.distance, l.text) as place
    from cluster as c
    left join labelled as l on l.label = c.label and c.label > 0
    cross join lateral sqlembed.distance(l.vector, c.centre, {metric}) as d (distance)
)
select r.label, r.size, r.text, r.distance
from ranked as r
where r.place <= {count}
order by r.label, r.place
"""


@dataclass(frozen=True)
class Shown:
    """A cluster, as it is shown."""

    number: int
    size: int
    #: Of its rows around the centre, where a model knows it.
    radius: float | None
    terms: tuple[str, ...]
    #: Texts and their distances, nearest to the centre first.
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
    kept = connection.execute(KEPT.encode(), (declared.holder, wish.model)).fetchone()
    if kept is not None and (wish.column is None or kept[1:] != (True, declared.name, wish.column)):
        raise errors.InputError(
            f"model {wish.model} keeps column {kept[3]} of {kept[0]} up to date",
            hint=f"To fit it anew, say --column {kept[3]}; for another model, --name MODEL.",
        )
    metric = METRICS[declared.metric]
    with engine.begin() as transaction:
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
                metric=metric,
                seed=wish.seed,
                replace=True,
            )
        else:
            made = clustering.create_kmeans(
                transaction,
                wish.model,
                _query(declared, _key(declared)),
                num_clusters=wish.num_clusters,
                metric=metric,
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
            _different([(one.id, one.distance) for one in cluster.examples], wish.examples),
        )
        for cluster in found
    ]
    return made, shown


def by_function(
    database: Database,
    connection: Connection,
    engine: sa.Engine,
    declared: Declared,
    registry: Registry,
    method: str,
    column: str,
    parameters: Mapping[str, Any],
    examples: int,
) -> list[Shown]:
    """Have a worker cluster a table, or this process for want of one; say what clusters hold.

    Raises:
        InputError: neither can.
    """
    is_served = bool(scalar(connection, IS_SERVED, (method,)))
    if not is_served and method not in registry.clusterings.names:
        raise errors.InputError(
            f"no worker can cluster by {method}, and it is not in this registry",
            hint="pip install 'sqlembed[cluster]' brings it."
            if method == "hdbscan"
            else "Name the registry that has it with --registry.",
        )
    with engine.begin() as transaction:
        clustering.create_clusters(
            transaction,
            declared.relation,
            method,
            label_column=column,
            embedding=declared.name,
            parameters=parameters,
        )
    if not is_served:
        _work_here(database, registry)
    clustering.wait_until_clustered(
        engine, declared.relation, label_column=column, timeout=PATIENCE
    )
    with engine.connect() as reading:
        return _labelled(reading, declared, column, examples)


def _work_here(database: Database, registry: Registry) -> None:
    from sqlembed.cli.worker_log import complaints
    from sqlembed.embedders import Registry
    from sqlembed.worker import Worker

    # Without its embedders, so that no model is loaded.
    made = Registry()
    made.clusterings = registry.clusterings
    with complaints():
        Worker(database.url, made).run(burst=True)


def _labelled(
    connection: sa.Connection, declared: Declared, column: str, examples: int
) -> list[Shown]:
    from psycopg import sql

    statement = functions.placed(connection, LABELLED).format(
        label=sql.Identifier(declared.alias, column).as_string(),
        shown=declared.source,
        vector=declared.vector,
        rows=declared.rows,
        metric=sql.Literal(declared.metric).as_string(),
        count=LOOKED_AT,
    )
    found = connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
    shown = []
    for (number, size), rows in groupby(found, key=lambda row: (row[0], row[1])):
        near = [(text, distance) for _, _, text, distance in rows if text is not None]
        shown.append(Shown(number, size, None, (), _different(near, examples)))
    return shown


def _different(near: list[tuple[str, float]], count: int) -> tuple[tuple[str, float], ...]:
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
