"""Clusters of a table by a Python function, for the command line: asked for and described."""

from __future__ import annotations

from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

from sqlembed import clustering, errors
from sqlembed.cli.clusterer import LOOKED_AT, Shown, different
from sqlembed.cli.database import scalar
from sqlembed.schema import functions

if TYPE_CHECKING:
    from collections.abc import Mapping

    import sqlalchemy as sa

    from sqlembed.cli.database import Connection, Database
    from sqlembed.cli.tables import Declared
    from sqlembed.embedders import Registry

#: A worker that has it in hand ends by itself.
PATIENCE = timedelta(days=1)

IS_SERVED = "select exists (select from sqlembed.worker as w where %s = any (w.clusterings))"
# What is in no cluster has no centroid that anything could be near.
LABELLED = """
with labelled as materialized (
    select {label} as label, ({shown})::text as text, {vector}::public.vector as vector
    from {rows}
    where {vector} is not null and {label} is not null
),
cluster as (
    select l.label, pg_catalog.count(*) as size, public.avg(l.vector) as centroid
    from labelled as l
    group by l.label
),
ranked as (
    select c.label, c.size, l.text, d.distance,
        pg_catalog.row_number() over (partition by c.label order by d.distance, l.text) as place
    from cluster as c
    left join labelled as l on l.label = c.label and c.label >= 0
    -- What has no direction is near nothing.
    cross join lateral (
        select nullif(sqlembed.distance(l.vector, c.centroid, {metric}), 'nan')
    ) as d (distance)
)
select r.label, r.size, r.text, r.distance
from ranked as r
where r.place <= {count}
order by r.label, r.place
"""


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
        near = [(text, distance) for _, _, text, distance in rows if distance is not None]
        shown.append(Shown(number, size, None, (), different(near, examples)))
    return shown
