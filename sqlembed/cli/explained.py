"""``sqlembed search --explain``: which way a search took, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlembed.cli.modes import explaining

if TYPE_CHECKING:
    from sqlembed.cli.database import Connection
    from sqlembed.cli.tables import Declared


def explained(connection: Connection, declared: Declared, wanted: dict[str, Any]) -> dict[str, Any]:
    """Return what the database says of a search by vectors, once it has run."""
    from psycopg import sql
    from psycopg.rows import dict_row

    function = explaining(declared.relation, given_vector="vector" in wanted)
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(sql.SQL("select * from ") + function, wanted).fetchone()
    assert found is not None
    return found


def print_explanation(found: dict[str, Any], *, as_json: bool) -> None:
    """Print it, one line a figure."""
    from sqlembed.cli.output import console, print_json, table

    if as_json:
        print_json(found)
        return
    shown = {**found, "remarks": "; ".join(found["remarks"])}
    lines = [[name, value] for name, value in shown.items() if value not in (None, "")]
    output = console()
    laid, _ = table(["what", "it was"], lines, width=output.width, first=["what", "it was"])
    output.print(laid)
