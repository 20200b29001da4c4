"""``sqlembed cache``: the vectors that are kept for the next time their texts are asked for."""

from __future__ import annotations

import click

from sqlembed.cli.options import Place, database_options, examples, json_option

USE = """
select embedder, fingerprint, kind, vectors::bigint, bytes::bigint, oldest_use, newest_use
from sqlembed.cache_use
order by bytes desc, fingerprint, kind
"""
CLEAR = "select sqlembed.clear_cache(%s)"

UNITS = ("bytes", "kB", "MB", "GB", "TB")


@click.group(epilog=examples("sqlembed cache stats", "sqlembed cache clear --embedder minilm"))
def cache() -> None:
    """Look at the cache of vectors, or empty it.

    Workers keep it at the size that their option --cache-size says. It belongs to the owner of the
    schema sqlembed; vectors of rows are not in it and stay.
    """


@cache.command(
    short_help="Show what the cache holds, by embedder.",
    epilog=examples("sqlembed cache stats", "sqlembed cache stats --json"),
)
@database_options
@json_option
def stats(place: Place, as_json: bool) -> None:
    """Show how many vectors the cache holds, what they take and when they were used."""
    from psycopg.rows import dict_row

    from sqlembed.cli.database import open_database
    from sqlembed.cli.output import console, print_json, table

    database = open_database(place)
    with database.connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(USE).fetchall()
    vectors, held = sum(row["vectors"] for row in found), sum(row["bytes"] for row in found)
    if as_json:
        print_json({"vectors": vectors, "bytes": held, "embedders": found})
        return
    click.echo(f"{vectors} vectors, {_size(held)}")
    if found:
        names = ["embedder", "kind", "vectors", "bytes", "oldest_use", "newest_use", "fingerprint"]
        for row in found:
            for name in ("oldest_use", "newest_use"):
                row[name] = row[name].astimezone().isoformat(" ", "seconds")
        output = console()
        rows = [[row[name] for name in names] for row in found]
        output.print(table(names, rows, width=output.width, first=names[:4])[0])


@cache.command(
    short_help="Forget vectors of the cache.",
    epilog=examples("sqlembed cache clear", "sqlembed cache clear --embedder minilm --yes"),
)
@database_options
@click.option("--embedder", metavar="NAME", help="Only those that this one has made.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def clear(place: Place, embedder: str | None, yes: bool, as_json: bool) -> None:
    """Forget what the cache holds: texts that are asked for again are computed again."""
    from sqlembed.cli.database import open_database, scalar
    from sqlembed.cli.output import print_json

    database = open_database(place)
    with database.connect() as connection:
        if not yes:
            whose = f"of embedder {embedder}" if embedder else "of all embedders"
            click.confirm(f"Forget the cached vectors {whose}?", abort=True, err=True)
        gone = scalar(connection, CLEAR, (embedder,))
    if as_json:
        print_json({"cleared": gone})
    else:
        click.echo(f"{gone} vectors are forgotten.")


def _size(count: int) -> str:
    unit, amount = 0, float(count)
    while amount >= 1024 and unit < len(UNITS) - 1:
        unit, amount = unit + 1, amount / 1024
    return f"{amount:.1f} {UNITS[unit]}" if unit else f"{count} {UNITS[0]}"
