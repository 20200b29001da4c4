"""A condition of SQLAlchemy as the SQL text that a search takes, its values quoted by PostgreSQL.

Only the condition's shape becomes text here. Its values stay parameters of the statement, and the
server puts them into the text: ``'article.year > ' || quote_nullable($1)``. So nothing depends on
how a driver writes values down, and one statement serves all values.
"""

from __future__ import annotations

from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import BindParameter, ClauseList
from sqlalchemy.sql.visitors import InternalTraversal, replacement_traverse
from sqlalchemy.types import TupleType

from sqlembed.errors import InputError
from sqlembed.orm.literals import literal

# Characters that SQL text has no use for: around a value's place, and around the condition.
HOLE = "\x01"
EDGE = "\x02"


_PARTS = [
    ("condition", InternalTraversal.dp_clauseelement),
    ("identity", InternalTraversal.dp_plain_obj),
]


class FilterText(sa.ColumnElement[str]):
    """The text of conditions on one row of a table, as a SQL expression.

    Args:
        table: the table, whose columns are named after it without its schema.
        conditions: use columns of the table, and of others in sub-selects alone.

    Raises:
        InputError: a condition is none, or uses other tables.
    """

    inherit_cache = True
    _traverse_internals = _PARTS
    type = sa.Text()

    def __init__(self, table: sa.Table, *conditions: Any) -> None:
        try:
            condition = sa.and_(*conditions)
        except ArgumentError as error:
            raise InputError(
                f"a filter is a condition, not {conditions[-1]!r}",
                hint="For instance Article.year > 2020, or sqlalchemy.text('year > 2020').",
            ) from error
        others = [
            found
            for found in sa.select(sa.literal_column("1")).where(condition).get_final_froms()
            if found is not table
        ]
        if others:
            raise InputError(
                f"the filter of a search uses columns of {table.name}, not of {others[0]}",
                hint="Ask for other tables in a sub-select: Article.author.has(...), exists(...).",
            )
        self.condition = replacement_traverse(condition, {}, _without_expanding)
        self.table = table
        # A tuple, because a clause by itself has no truth value, which the cache asks for.
        self.identity = (table,)


def _without_expanding(element: Any, **_: Any) -> Any:
    """Returns parameters instead of one that SQLAlchemy expands after it has made the text."""
    if not isinstance(element, BindParameter) or not element.expanding:
        return None
    values = element.effective_value
    if isinstance(element.type, TupleType) or not isinstance(values, (list, tuple)):
        raise InputError("the filter of a search takes in_() of a list of plain values only")
    if not values:
        nothing = sa.select(sa.cast(sa.null(), element.type)).where(sa.false())
        return nothing.scalar_subquery()
    each = [sa.bindparam(None, value, type_=element.type, unique=True) for value in values]
    return ClauseList(*each).self_group()


class _Condition(sa.ColumnElement[bool]):
    """A condition that can be found again in the text of its statement."""

    inherit_cache = False

    def __init__(self, condition: Any) -> None:
        self.condition = condition


@compiles(_Condition)
def _condition(element: _Condition, compiler: SQLCompiler, **kw: Any) -> str:
    return EDGE + compiler.process(element.condition, **kw) + EDGE


@compiles(FilterText)
def _filter_text(element: FilterText, compiler: SQLCompiler, **kw: Any) -> str:
    # In a statement of its own, so that a sub-select finds the table to correlate with.
    statement: sa.Select[Any] = sa.select(sa.literal_column("1")).select_from(element.table)
    template = _template_class(compiler)(
        compiler.dialect,
        statement.where(_Condition(element.condition)),
        schema_translate_map=compiler.schema_translate_map,
        searched=element.table,
    )
    text = str(template).split(EDGE)[1]
    if "__[SCHEMA_" in text:
        raise InputError(
            "a filter with a sub-select cannot be combined with schema_translate_map",
            hint="Give the tables of the sub-select their schema, or set the search_path instead.",
        )
    parts = []
    for position, piece in enumerate(text.split(HOLE)):
        if position % 2:
            value = compiler.process(template.binds[piece], skip_bind_expression=True, **kw)
            parts.append(f"pg_catalog.quote_nullable({value})")
        elif piece:
            parts.append(literal(piece))
    return f"({' || '.join(parts)})"


class _Template(SQLCompiler):
    """Compiles a condition with holes instead of parameters; mixed into the dialect's compiler."""

    def __init__(self, *args: Any, searched: sa.Table, **kw: Any) -> None:
        self._searched = searched
        super().__init__(*args, **kw)

    def bindparam_string(self, name: str, *args: Any, **kw: Any) -> str:
        del args
        if kw.get("post_compile"):
            raise InputError(f"the filter of a search cannot hold the parameter {name!r}")
        hole = f"{HOLE}{name}{HOLE}"
        return self._typed(hole, kw.get("bindparam_type"))

    def _typed(self, hole: str, type_: sa.types.TypeEngine[Any] | None) -> str:
        """Returns a value with its type, which the driver would have said."""
        kind = None if type_ is None else type_.dialect_impl(self.dialect)
        kind = getattr(kind, "impl_instance", kind)
        untyped = (sa.types.NullType, sa.types.UserDefinedType)
        # Other dialects have no casts; str(statement) compiles with one of them.
        if kind is None or isinstance(kind, untyped) or self.dialect.name != "postgresql":
            return hole
        if isinstance(kind, sa.Numeric):
            # Not with the column's precision, which would round the value.
            return f"{hole}::{'DOUBLE PRECISION' if isinstance(kind, sa.Float) else 'NUMERIC'}"
        with_cast: str = cast("Any", self).render_bind_cast(type_, kind, hole)
        return with_cast

    def visit_column(self, column: Any, *args: Any, **kw: Any) -> str:
        if column.table is self._searched:
            return f"{self.preparer.quote(column.table.name)}.{self.preparer.quote(column.name)}"
        return super().visit_column(column, *args, **kw)


def _template_class(compiler: SQLCompiler) -> type[Any]:
    return type("FilterCompiler", (_Template, type(compiler)), {})
