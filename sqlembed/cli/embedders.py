"""``sqlembed embedders``: what the database knows, who serves it and who may use it."""

from __future__ import annotations

import click

from sqlembed.cli.options import Place, database_options, examples, json_option

EMBEDDERS = """
select
    e.name, e.dimensions, e.runtime, e.fingerprint,
    (select count(*) from sqlembed.worker as w where e.name = any (w.embedders)) as workers,
    (
        select array_agg(case g when 0::oid::regrole then 'public' else g::text end order by g)
        from sqlembed.embedder_key as k
        cross join unnest(k.grantees) as g
        where k.embedder = e.name
    ) as grantees
from sqlembed.embedder as e
order by e.name
"""


@click.command(
    short_help="List the embedders that the database knows.",
    epilog=examples("sqlembed embedders", "sqlembed embedders --json"),
)
@database_options
@json_option
def embedders(place: Place, as_json: bool) -> None:
    """List the embedders that the database knows.

    Grantees are shown to those who may use the embedder; its owner always may.
    """
    from psycopg.rows import dict_row

    from sqlembed.cli.database import open_database
    from sqlembed.cli.output import console, print_json, table

    database = open_database(place)
    with database.connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(EMBEDDERS).fetchall()
    if as_json:
        print_json({"embedders": found})
        return
    if not found:
        click.echo("No embedder is registered. A worker registers its own: sqlembed worker.")
        return
    names = ["name", "dimensions", "runtime", "workers", "grantees", "fingerprint"]
    rows = [
        [", ".join(row[name] or []) if name == "grantees" else row[name] for name in names]
        for row in found
    ]
    output = console()
    output.print(table(names, rows, width=output.width, first=names)[0])
