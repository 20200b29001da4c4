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
from sqlembed.cli.loaded import report
from sqlembed.cli.output import remark
from sqlembed.cli.progress import bytes_bar
from sqlembed.loading import (
    Contents,
    RowFile,
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

CHECK_SOURCE = "select sqlembed._canonical_source(%s::regclass, %s)"
CREATE_EMBEDDING = """
select sqlembed.create_embedding(
    relation => %s::regclass, embedder => %s, source => %s, embedding => %s, if_not_exists => true,
    full_text => %s::regconfig
)
"""
FINGERPRINT = "select coalesce(fingerprint, '') from sqlembed.embedder where name = %s"
SHOWN = "select %s::regclass::text"
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
        )
    database = open_database(place)
    with database.connect() as connection:
        registry = serving.load_registry(order.registry)
        if wish:
            _make_servable(database, connection, registry, wish.embedder, order.wait)
        with bytes_bar(f"reading {order.file.name}", file.size) as tell:
            contents = file.scan(tell)
        with connection.transaction():
            target = prepare_table(
                connection,
                name,
                contents,
                existing="append" if order.append else "replace" if order.replace else "refuse",
                key=order.key,
                generated_key=order.generated_key,
            )
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


def _make_servable(
    database: Database, connection: Connection, registry: Registry, embedder: str, wait: bool
) -> None:
    """Make the embedder known to the database, and see that somebody can serve it.

    Raises:
        RegistryError: this process does not have it, or another one of this name, and it is needed.
    """
    fingerprint = scalar(connection, FINGERPRINT, (embedder,))
    if fingerprint and (not wait or serving.is_served(connection, embedder)):
        return
    found = serving.matching_embedder(connection, registry, embedder)
    if not fingerprint:
        from sqlembed.worker import register_embedders

        register_embedders(database.url, serving.only(registry, [found.name]))


def _load(
    connection: Connection, file: RowFile, contents: Contents, target: Target, wish: Wish | None
) -> None:
    relation = target.name.identifier.as_string()
    source = ""
    if wish:
        if target.created and wish.name in target.columns:
            raise errors.InputError(
                f"the file has a column {wish.name} of its own",
                hint="Name another column for the vectors with --embedding.",
            )
        source = wish.source
        if source in target.columns:
            # A name as the file has it, which SQL may want in quotation marks.
            source = sql.Identifier(source).as_string()
        # Before the rows: a typing error should not wait for a long file.
        connection.execute(CHECK_SOURCE.encode(), (relation, source))
    with bytes_bar(f"loading {file.path.name}", file.size) as tell:
        fill(connection, file, target, contents, tell)
    if wish:
        connection.execute(
            CREATE_EMBEDDING.encode(),
            (relation, wish.embedder, source, wish.name, wish.full_text),
        )


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
