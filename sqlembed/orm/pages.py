"""What a search takes last: how unlike the hits should be, and after which the next page begins."""

from __future__ import annotations

import numbers
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from sqlembed.errors import InputError


def last_arguments(
    table: sa.Table, diversity: float | None, after: tuple[float, Any] | None
) -> list[sa.ColumnElement[Any]]:
    """Returns the last arguments of a search in SQL, none if all are left out.

    Raises:
        InputError: ``after`` is no pair of a distance and a key of the table.
    """
    if diversity is None and after is None:
        return []
    distance = key = None
    if after is not None:
        if not isinstance(after, tuple) or len(after) != 2:
            raise InputError(f"after is a pair of distance and key, not {after!r}")
        distance, key = after
        if not isinstance(distance, numbers.Real):
            raise InputError(f"after begins with a distance, not {distance!r}")
    return [
        _number("diversity", diversity),
        _number("after_distance", None if distance is None else float(distance)),
        sa.cast(sa.null(), postgresql.JSONB()) if after is None else _key(table, key),
    ]


def _key(table: sa.Table, key: Any) -> sa.ColumnElement[Any]:
    """Returns a row's key as the jsonb array that it is in SQL."""
    columns = list(table.primary_key)
    values = tuple(key) if isinstance(key, (tuple, list, sa.Row)) else (key,)
    if len(values) != len(columns) or None in values:
        names = ", ".join(column.name for column in columns)
        raise InputError(f"{key!r} is no primary key of {table.name}", hint=f"It is: {names}.")
    # With their types, which jsonb_build_array takes anything for.
    parts = [
        sa.cast(sa.bindparam(f"after_{n}", value, type_=column.type, unique=True), column.type)
        for n, (column, value) in enumerate(zip(columns, values, strict=True))
    ]
    return sa.func.pg_catalog.jsonb_build_array(*parts)


def _number(name: str, value: float | None) -> sa.BindParameter[Any]:
    return sa.bindparam(name, value, type_=sa.Double(), unique=True)
