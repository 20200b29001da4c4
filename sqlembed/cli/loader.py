"""What ``sqlembed load`` does, step by step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click
from psycopg import sql

from sqlembed import errors
from sqlembed.cli import serving
from sqlembed.cli.database import Database, open_database, scalar
from sqlembed.cli.load import DEFAULT_EMBEDDER, DEFAULT_EMBEDDING, Order
from sqlembed.cli.loaded import report, report_estimates
from sqlembed.cli.output import remark
from sqlembed.cli.progress import bytes_bar
from sqlembed.loading import (
    Contents,
    RowFile,
    TableName,
    Target,
    fill,
    open_file,
    parse_table_name,
    prepare_table,
)

if TYPE_CHECKING:
    from sqlembed.cli.database import Connection
    from sqlembed.cli.options import Place
    from sqlembed.embedders import Registry

EXPRESSION = "select expression from sqlembed._canonical_source(%s::regclass, %s)"
CREATE_EMBEDDING = """
select sqlembed.create_embedding(
    relation => %s::regclass, embedder => %s, source => %s, embedding => %s, if_not_exists => true,
    full_text => %s::regconfig, chunking => %s::jsonb
)
"""
SHOWN = "select %s::regclass::text"
SOURCES = """
select name::text, embedder, source from sqlembed.embedding
where relation = %s::regclass order by id
"""
EMBEDDINGS = """
select name::text, embedder from sqlembed.embedding where relation = %s::regclass order by id
"""


@dataclass(frozen=True)
class Wish:
    """The embedding that the user wants."""

    source: str
    embedder: str
    name: str
    full_text: str | None
    chunking: str | None


def run(place: Place, order: Order) -> None:
    """Load the file, declare the embedding, wait for the vectors, say what there is."""
    name = parse_table_name(order.table)
    file = open_file(
        order.file,
        format=order.format,
        encoding=order.encoding,
        delimiter=order.delimiter,
        quotes=not order.no_quotes,
    )
    wish = None
    if order.source is not None:
        wish = Wish(
            order.source,
            order.embedder or DEFAULT_EMBEDDER,
            order.embedding or DEFAULT_EMBEDDING,
            order.full_text,
            order.chunking,
        )
    database = open_database(place)
    with database.connect() as connection:
        registry = serving.load_registry(order.registry)
        if wish and not order.dry_run:
            serving.make_servable(database, connection, registry, wish.embedder, order.wait)
        with bytes_bar(f"reading {order.file.name}", file.size) as tell:
            contents = file.scan(tell)
        if order.dry_run:
            _try_out(connection, registry, file, contents, name, order, wish)
            return
        with connection.transaction():
            target = _prepare(connection, name, contents, order)
            _load(connection, file, contents, target, wish)
        relation = str(scalar(connection, SHOWN, (target.name.identifier.as_string(),)))
        embeddings = dict(connection.execute(EMBEDDINGS.encode(), (relation,)).fetchall())
        failed = {}
        if order.wait and embeddings:
            _wait(database, connection, registry, relation, embeddings, wish)
            failed = _failures(connection, relation, embeddings)
    report(place, order, relation, contents, target, embeddings, failed)
    if failed:
        raise click.exceptions.Exit(1)


def _prepare(connection: Connection, name: TableName, contents: Contents, order: Order) -> Target:
    return prepare_table(
        connection,
        name,
        contents,
        existing="append" if order.append else "replace" if order.replace else "refuse",
        key=order.key,
        generated_key=order.generated_key,
        trial=order.dry_run,
    )


def _try_out(
    connection: Connection,
    registry: Registry,
    file: RowFile,
    contents: Contents,
    name: TableName,
    order: Order,
    wish: Wish | None,
) -> None:
    """Say what it would cost, from a temporary table that goes at the end of the transaction."""
    from sqlembed.cli.estimate import Wanted, estimate

    relation = name.identifier.as_string()
    wanted: dict[str, tuple[str, str]] = {}
    if found := scalar(connection, "select pg_catalog.to_regclass(%s)::text", (relation,)):
        rows = connection.execute(SOURCES.encode(), (found,)).fetchall()
        wanted = {column: (embedder, source) for column, embedder, source in rows}
    with connection.transaction(force_rollback=True):
        target = _prepare(connection, name, contents, order)
        trial = target.name.identifier.as_string()
        source = _source(connection, target, wish)
        _fill(connection, file, contents, target)
        if wish and wish.name not in wanted:
            wanted[wish.name] = (
                wish.embedder,
                str(scalar(connection, EXPRESSION, (trial, source))),
            )
        estimates = [
            estimate(connection, registry, Wanted(trial, source, column, embedder))
            for column, (embedder, source) in wanted.items()
        ]
    report_estimates(order, str(name), contents, estimates)


def _load(
    connection: Connection, file: RowFile, contents: Contents, target: Target, wish: Wish | None
) -> None:
    source = _source(connection, target, wish)
    _fill(connection, file, contents, target)
    if wish:
        relation = target.name.identifier.as_string()
        connection.execute(
            CREATE_EMBEDDING.encode(),
            (relation, wish.embedder, source, wish.name, wish.full_text, wish.chunking),
        )


def _source(connection: Connection, target: Target, wish: Wish | None) -> str:
    """Return what is to be embedded as SQL, checked before the rows of a long file are there."""
    if wish is None:
        return ""
    if target.created and wish.name in target.columns:
        raise errors.InputError(
            f"the file has a column {wish.name} of its own",
            hint="Name another column for the vectors with --embedding.",
        )
    source = wish.source
    if source in target.columns:
        # A name as the file has it, which SQL may want in quotation marks.
        source = sql.Identifier(source).as_string()
    connection.execute(EXPRESSION.encode(), (target.name.identifier.as_string(), source))
    return source


def _fill(connection: Connection, file: RowFile, contents: Contents, target: Target) -> None:
    with bytes_bar(f"loading {file.path.name}", file.size) as tell:
        fill(connection, file, target, contents, tell)


def _wait(
    database: Database,
    connection: Connection,
    registry: Registry,
    relation: str,
    embeddings: dict[str, str],
    wish: Wish | None,
) -> None:
    embedders = list(dict.fromkeys(embeddings.values()))
    try:
        serving.wait_until_embedded(database, connection, registry, relation, embedders)
    except errors.EmbedderError as error:
        if wish:
            raise
        # The user only added rows; that they are embedded is somebody else's business.
        remark(f"{error.message}.")
    except KeyboardInterrupt:
        remark(f"The rows are in {relation}; those without a vector wait for a worker.")
        raise


def _failures(
    connection: Connection, relation: str, embeddings: dict[str, str]
) -> dict[str, tuple[int, str | None]]:
    found = {name: serving.failures_of(connection, relation, name) for name in embeddings}
    return {name: failure for name, failure in found.items() if failure[0]}
