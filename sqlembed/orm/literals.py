"""Quoting for SQL text that goes without parameters: DDL, and filters that a SQL function takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy.sql.compiler import IdentifierPreparer


def literal(value: str | None) -> str:
    """Returns a text as a SQL literal that means the same whatever the server's settings are."""
    if value is None:
        return "NULL"
    quoted = "'" + value.replace("'", "''") + "'"
    # With E, standard_conforming_strings does not matter.
    return "E" + quoted.replace("\\", "\\\\") if "\\" in value else quoted


def relation_name(preparer: IdentifierPreparer, name: str, schema: str | None) -> str:
    """Returns a table's name as PostgreSQL reads it, quoted where it must be."""
    quoted = preparer.quote(name)
    if schema:
        quoted = f"{preparer.quote_schema(schema)}.{quoted}"
    # SQLAlchemy doubles percent signs in identifiers for the driver; here they are plain text yet.
    return quoted.replace("%%", "%") if doubles_percents(preparer) else quoted


def for_driver(preparer: IdentifierPreparer, sql: str) -> str:
    """Returns SQL text as the driver wants it, which may read a percent sign as a parameter."""
    return sql.replace("%", "%%") if doubles_percents(preparer) else sql


def doubles_percents(preparer: IdentifierPreparer) -> bool:
    """Whether the driver halves double percent signs, and SQLAlchemy therefore doubles them."""
    return preparer.dialect.paramstyle in ("format", "pyformat")
