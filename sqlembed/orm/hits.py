"""``search()``: the nearest rows as something to select from, join, order and page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast, get_args

import sqlalchemy as sa
from sqlalchemy.exc import NoInspectionAvailable
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute, Mapper, aliased
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import Grouping
from sqlalchemy.sql.visitors import InternalTraversal

from sqlembed.errors import InputError
from sqlembed.orm.embedded import Embedded, embedded_in
from sqlembed.orm.filters import FilterText
from sqlembed.orm.pages import last_arguments
from sqlembed.orm.statements import EmbedGiven, Question
from sqlembed.types import Mode

T = TypeVar("T")


@dataclass(frozen=True)
class Hits(Generic[T]):
    """The rows that a search found, to be used in a statement.

    They come from one sub-select, which holds the limit: what is added outside, a join or a
    condition, applies to the hits. Without ``order_by(hits.distance)`` their order is not defined.
    """

    #: The class of the rows; its attributes are those of the hits.
    entity: type[T]
    #: pgvector's operator for the metric: the smaller, the nearer.
    distance: sa.ColumnElement[float]
    #: What a search by words or a hybrid one ranks by, the greater the better; else NULL.
    score: sa.ColumnElement[float | None]
    #: The piece of a text that was found, where texts are cut into chunks; else NULL.
    chunk: sa.ColumnElement[str | None]


def search(
    entity: type[T],
    query: str,
    k: int = 10,
    *,
    filter: sa.SQLColumnExpression[bool] | sa.TextClause | None = None,
    embedding: str | InstrumentedAttribute[Any] | None = None,
    mode: Mode = "vector",
    text_weight: float = 1,
    diversity: float | None = None,
    after: tuple[float, Any] | None = None,
) -> Hits[T]:
    """Returns the rows nearest to a text.

    A session that is attached to a registry with the embedder computes the query's vector in
    this process; otherwise, and for hybrid searches, a worker does. Words need neither.

    Example::

        hits = sqlembed.search(Article, "food", k=5, filter=Article.year > 2020)
        statement = select(hits.entity, hits.distance).order_by(hits.distance)
        for article, distance in session.execute(statement): ...

    Args:
        entity: a mapped class whose table has an embedding.
        query: the text.
        k: how many rows at most.
        filter: condition on a row, which holds before the nearest are taken. Other tables stand
            in sub-selects, as with ``Article.author.has(...)``.
        embedding: the vector column or attribute, where there are several.
        mode: how to rank: by vectors, through the index or comparing every row (``exact``), by the
            words of the query (``text``), or by both (``hybrid``). The latter two have a score,
            and order by it, descending.
        text_weight: what words count in a hybrid search, where vectors count 1.
        diversity: from 0, the nearest rows, to 1, rows as unlike each other as can be.
        after: distance and primary key (a tuple, if of several columns) of the last row of the
            page before; rows that are written meanwhile move no others to another page.

    Raises:
        InputError: an argument that cannot be.
    """
    mapper = _mapper(entity)
    if not isinstance(query, str) or not query.strip():
        raise InputError(f"a search needs a text to search for, not {query!r}")
    if mode not in get_args(Mode):
        raise InputError(f"mode is one of {', '.join(get_args(Mode))}, not {mode!r}")
    column, embedded = _embedding(mapper, embedding)
    table = cast("sa.Table", mapper.local_table if column is None else column.table)
    row = _NullRow(table)
    conditions: list[Any] = _discriminators(mapper, table)
    if filter is not None:
        conditions.append(filter)
    arguments: tuple[sa.ColumnElement[Any], ...] = (
        sa.bindparam("k", k, type_=sa.Integer(), unique=True),
        _text("embedding", None if column is None else column.name),
        FilterText(table, *conditions) if conditions else sa.null(),
        _text("mode", mode),
    )
    options = last_arguments(table, diversity, after)
    if mode in ("hybrid", "text"):
        weight: sa.BindParameter[float] = sa.bindparam(
            "text_weight", text_weight, type_=sa.Double(), unique=True
        )
        call = sa.func.sqlembed.search(row, _text("query", query), *arguments, weight, *options)
    else:
        question = Question(None if embedded is None else embedded.embedder, query)
        vector = _query_vector(row, arguments[1], question)
        # The metric is the declared one.
        metric = [sa.cast(sa.null(), sa.Text())] if options else []
        call = sa.func.sqlembed.vector_search(row, vector, *arguments, *metric, *options)
    hit = call.table_valued(
        sa.column("base"),
        sa.column("distance", sa.Double()),
        sa.column("score", sa.Double()),
        sa.column("chunk", sa.Text()),
    )
    return _hits(entity, mapper, table, hit)


def _hits(
    entity: type[T], mapper: Mapper[Any], table: sa.Table, hit: sa.TableValuedAlias
) -> Hits[T]:
    figures = [hit.c[name].label(f"sqlembed_{name}") for name in ("distance", "score", "chunk")]
    fields = {column: _field(hit.c.base, column) for column in table.columns}
    if mapper.persist_selectable is table:
        labelled = [field.label(column.name) for column, field in fields.items()]
        found = sa.select(*labelled, *figures).subquery()
    else:
        # The row is in several tables, of which the search gives one.
        same_row = [column == fields[column] for column in table.primary_key]
        statement = sa.select(mapper.persist_selectable, *figures).select_from(
            mapper.persist_selectable.join(hit, sa.and_(*same_row))
        )
        found = statement.set_label_style(sa.LABEL_STYLE_TABLENAME_PLUS_COL).subquery()
    return Hits(
        aliased(entity, found),
        found.c.sqlembed_distance,
        found.c.sqlembed_score,
        found.c.sqlembed_chunk,
    )


def _mapper(entity: Any) -> Mapper[Any]:
    try:
        mapper = sa.inspect(entity)
    except NoInspectionAvailable:
        mapper = None
    if not isinstance(mapper, Mapper) or not isinstance(entity, type):
        raise InputError(f"search() takes a mapped class, not {entity!r}")
    return mapper


def _embedding(
    mapper: Mapper[Any], wanted: str | InstrumentedAttribute[Any] | None
) -> tuple[sa.Column[Any] | None, Embedded | None]:
    """Returns the vector column and what the model declares for it."""
    columns = [column for column in mapper.columns if isinstance(column, sa.Column)]
    if wanted is None:
        declared = [column for column in columns if embedded_in(column) is not None]
        if len(declared) > 1:
            names = ", ".join(column.name for column in declared)
            raise InputError(
                f"{mapper.class_.__name__} has several embeddings",
                hint=f"Say embedding=…: {names}.",
            )
        # The model may leave it to the database, which knows those of other writers as well.
        return (declared[0], embedded_in(declared[0])) if declared else (None, None)
    name = wanted if isinstance(wanted, str) else getattr(wanted, "key", None)
    for column in columns:
        if name in (column.name, mapper.get_property_by_column(column).key):
            return column, embedded_in(column)
    raise InputError(f"{mapper.class_.__name__} has no column {name or wanted!r}")


def _discriminators(mapper: Mapper[Any], table: sa.Table) -> list[sa.ColumnElement[bool]]:
    """Returns the condition that a row of a shared table is one of this class."""
    kind = mapper.polymorphic_on
    if mapper.inherits is None or kind is None or getattr(kind, "table", None) is not table:
        return []
    return [kind.in_([one.polymorphic_identity for one in mapper.self_and_descendants])]


def _query_vector(
    row: _NullRow, embedding: sa.ColumnElement[Any], question: Question
) -> sa.ColumnElement[Any]:
    """Returns the vector by the embedder that the database declares, whatever the model says."""
    relation = sa.cast(sa.cast(sa.func.pg_catalog.pg_typeof(row), sa.Text()), _RegClass())
    declared = sa.func.sqlembed._embedding_of(relation, embedding)
    return EmbedGiven(_field(declared, sa.column("embedder", sa.Text())), question)


def _text(name: str, value: str | None) -> sa.BindParameter[Any]:
    return sa.bindparam(name, value, type_=sa.Text(), unique=True)


def _field(row: sa.ColumnElement[Any], column: sa.ColumnClause[Any]) -> sa.ColumnElement[Any]:
    field = Grouping(row).op(".", return_type=column.type)(sa.column(column.name))
    # So that relationships and joins of the class find the column in the search's sub-select.
    field._proxies = [column]
    return field


class _RegClass(sa.types.UserDefinedType[str]):
    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "REGCLASS"


# Not as a clause, or a table that is replaced in the statement around would be here as well.
_PARTS = [("identity", InternalTraversal.dp_plain_obj)]


class _NullRow(sa.ColumnElement[Any]):
    """A NULL of a table's row type: how a table is given to a search."""

    inherit_cache = True
    _traverse_internals = _PARTS

    def __init__(self, table: sa.Table) -> None:
        self.table = table
        # A tuple, because a clause by itself has no truth value, which the cache asks for.
        self.identity = (table,)


@compiles(_NullRow)
def _null_row(element: _NullRow, compiler: SQLCompiler, **_: Any) -> str:
    return f"CAST(NULL AS {compiler.preparer.format_table(element.table)})"
