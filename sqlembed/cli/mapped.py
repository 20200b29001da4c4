"""From a table to the picture of it: places, texts and colours, read in one transaction."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlembed.cli.database import scalar
from sqlembed.cli.tables import literally
from sqlembed.errors import InputError
from sqlembed.picture.picture import MOST_GROUPS, Group, Picture, grouped, scaled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlembed.cli.database import Connection
    from sqlembed.cli.tables import Declared

#: Nobody reads more of a text under the mouse.
LENGTH = 300
#: Words that name a cluster.
TERMS = 3

#: Texts, places and clusters of one moment; and the model goes with the transaction.
BEGIN = "begin isolation level repeatable read"
KEY = "select expression from sqlembed._key_sql(%s::regclass, %s)"
CREATE = """
select from sqlembed.create_kmeans(
    %s, %s, metric => %s, seed => %s, num_clusters => %s, choose_by => 'rows'
)
"""
TOO_FEW = "SE022"
TERMS_OF = """
select t.centroid_id::text, pg_catalog.string_agg(t.term, ', ' order by t.weight desc, t.term)
from sqlembed.cluster_terms(%s, %s, terms => %s, config => %s::regconfig) as t
group by t.centroid_id
"""
CATEGORY = """
select t.typcategory::text
from pg_catalog.pg_attribute as a
join pg_catalog.pg_type as t on t.oid = a.atttypid
where a.attrelid = %s::regclass and a.attname = %s
"""
PROJECTED = """
select t.text, {colour}, p.coordinates
from sqlembed.project(
    %(relation)s::regclass, embedding => %(embedding)s, filter => %(filter)s, seed => %(seed)s
) as p
join (select {key} as key, {columns} from {rows}) as t on t.key = p.key
{clusters}
order by pg_catalog.hashtextextended(t.key::text, %(seed)s), t.key
limit %(limit)s
"""
# An array as the server sends it: as Python numbers it would take ten times the memory.
VECTORS = """
select t.text, {colour}, pg_catalog.array_send(t.vector::real[])
from (
    select {key} as key, {columns}, {vector} as vector from {rows}
    where {vector} is not null and ({filter}
)) as t
{clusters}
order by pg_catalog.hashtextextended(t.key::text, %(seed)s), t.key
limit %(limit)s
"""
CLUSTERS = "left join sqlembed.assign(%(model)s, %(query)s) as c on c.id = t.key::text"

#: What stands before the first element of such an array, and before each.
ARRAY_HEADER = 20
ELEMENT = [("length", ">i4"), ("value", ">f4")]


@dataclass(frozen=True)
class Wish:
    """What somebody wants to see of a table."""

    colour: str | None
    method: str
    num_clusters: int
    filter: str | None
    limit: int
    seed: int


def picture_of(connection: Connection, declared: Declared, wish: Wish) -> Picture:
    """Return the picture of a table.

    Raises:
        InputError: there is no such column, or too few rows.
        psycopg.Error: SE022 when there are too few rows, SE015 for a wrong filter.
    """
    is_column = wish.colour in declared.columns
    if wish.colour not in (None, "cluster") and not is_column:
        raise _no_column(declared, str(wish.colour))
    connection.execute(BEGIN)
    try:
        names: dict[str, str] | None = None
        model = f"map {uuid.uuid4()}"
        query = _query(connection, declared, wish)
        if wish.colour is not None and not is_column:
            names = _cluster(connection, declared, wish, model, query)
        texts, colours, points = _read(connection, declared, wish, model, query, names is not None)
        is_numeric = is_column and _is_numeric(connection, declared, wish)
    finally:
        connection.rollback()
    title = f"{declared.relation}: {', '.join(declared.source_columns)}"
    values = None
    groups: Sequence[Group] = grouped(colours, names)
    if is_numeric and len(set(colours) - {None}) > MOST_GROUPS:
        values = scaled(colours)
    return Picture(title, wish.colour, points, texts, groups, values)


def _no_column(declared: Declared, name: str) -> InputError:
    import difflib

    near = difflib.get_close_matches(name, declared.columns, n=1)
    others = ", ".join(declared.columns)
    return InputError(
        f"{declared.relation} has no column {name} to colour by",
        hint=f"Did you mean {near[0]}?" if near else f"There are {others}, and cluster.",
    )


def _query(connection: Connection, declared: Declared, wish: Wish, shown: str | None = None) -> str:
    """Return SQL that gives the key, or what else to show of them, and the vector of rows."""
    filter = "true" if wish.filter is None else wish.filter
    return (
        f"select {shown or _key(connection, declared)}, {declared.vector} from {declared.rows}"
        f" where {declared.vector} is not null and ({filter}\n)"
    )


def _key(connection: Connection, declared: Declared) -> str:
    from psycopg import sql

    alias = sql.Identifier(declared.alias).as_string(connection)
    return str(scalar(connection, KEY, (declared.relation, f"{alias}.")))


def _cluster(
    connection: Connection, declared: Declared, wish: Wish, model: str, query: str
) -> dict[str, str]:
    """Make a model; return what to call its clusters."""
    import psycopg

    given = (model, query, declared.cluster_metric, wish.seed)
    try:
        with connection.transaction():
            connection.execute(CREATE, (*given, wish.num_clusters))
    except psycopg.Error as error:
        if error.sqlstate != TOO_FEW:
            raise
        # There are not so many different vectors.
        connection.execute(CREATE, (*given, None))
    texts = _query(connection, declared, wish, declared.source)
    found = connection.execute(TERMS_OF, (model, texts, TERMS, declared.full_text))
    return {number: f"{number}: {words}" for number, words in found}


def _read(
    connection: Connection,
    declared: Declared,
    wish: Wish,
    model: str,
    query: str,
    is_clustered: bool,
) -> tuple[list[str], list[str | None], Any]:
    import numpy as np
    from psycopg import sql

    columns = f"pg_catalog.left(({declared.source})::text, {LENGTH}) as text"
    colour = sql.SQL("c.centroid_id::text" if is_clustered else "null::text")
    if wish.colour is not None and not is_clustered:
        column = sql.Identifier(declared.alias, wish.colour).as_string(connection)
        columns += f", {column}::text as colour"
        colour = sql.SQL("t.colour")
    statement = sql.SQL(VECTORS if wish.method == "umap" else PROJECTED).format(
        key=literally(_key(connection, declared)),
        columns=literally(columns),
        colour=colour,
        rows=literally(declared.rows),
        vector=literally(declared.vector),
        filter=literally("true" if wish.filter is None else wish.filter),
        clusters=sql.SQL(CLUSTERS if is_clustered else ""),
    )
    given = {
        "relation": declared.relation,
        "embedding": declared.name,
        "filter": wish.filter,
        "seed": wish.seed,
        "limit": wish.limit,
        "model": model,
        "query": query,
    }
    with connection.cursor(binary=True) as cursor:
        found = cursor.execute(statement, given).fetchall()
    texts = [text or "" for text, _, _ in found]
    colours = [colour for _, colour, _ in found]
    if wish.method != "umap":
        return texts, colours, np.array([place for _, _, place in found])
    from sqlembed.picture import neighbours

    vectors = np.array([_floats(sent) for _, _, sent in found]).reshape(len(found), -1)
    return texts, colours, neighbours.places(vectors, declared.metric, wish.seed)


def _floats(sent: bytes) -> Any:
    import numpy as np

    return np.frombuffer(sent, ELEMENT, offset=ARRAY_HEADER)["value"].astype(np.float32)


def _is_numeric(connection: Connection, declared: Declared, wish: Wish) -> bool:
    return bool(scalar(connection, CATEGORY, (declared.relation, wish.colour)) == "N")
