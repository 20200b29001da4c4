"""Which statements write the text of a ``sync`` embedding."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from weakref import WeakSet

from sqlalchemy import FromClause, Insert, TextClause, Update, event
from sqlalchemy.orm import Mapper

from sqlembed.orm.embedded import embedded_columns

#: Tables of mapped classes with a ``sync`` embedding.
_mapped: WeakSet[FromClause] = WeakSet()

_WRITES = re.compile(r"\b(insert|update|merge|copy|call)\b", re.IGNORECASE)


@event.listens_for(Mapper, "after_mapper_constructed")
def _collect(mapper: Mapper[Any], class_: type[Any]) -> None:
    del class_
    if is_sync(mapper.local_table):
        _mapped.add(mapper.local_table)


def is_sync(table: FromClause) -> bool:
    """Whether rows of a table are embedded in the transaction that writes them."""
    return any(embedded.timing == "sync" for _, embedded in embedded_columns(table))


def any_mapped() -> bool:
    """Whether there is a mapped class with a ``sync`` embedding."""
    return bool(_mapped)


def writes(statement: str, compiled: Any) -> bool:
    """Whether a statement that is about to be executed may write to a table that is ``sync``.

    Args:
        statement: its SQL.
        compiled: what SQLAlchemy made it from; ``None`` for SQL of the user's own.
    """
    if compiled is None or isinstance(compiled.statement, TextClause):
        return bool(_WRITES.search(statement)) and any(
            getattr(table, "name", "") in statement for table in _mapped
        )
    return any(
        isinstance(part, (Insert, Update)) and is_sync(part.table) for part in _parts(compiled)
    )


def _parts(compiled: Any) -> Iterator[Any]:
    yield compiled.statement
    for cte in getattr(compiled, "ctes", None) or ():
        yield cte.element
