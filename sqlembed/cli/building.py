"""The generation beside an embedding on the command line: wait for its rows, build its index."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlembed import errors
from sqlembed.cli import serving
from sqlembed.cli.database import scalar
from sqlembed.cli.output import patience
from sqlembed.cli.progress import rows_bar

if TYPE_CHECKING:
    from sqlembed.cli.database import Connection, Database
    from sqlembed.embedders import Registry

BESIDE = """
select e.id, e.embedder, e.name::text, e.index_name::text, coalesce(e.side, e.relation)::text,
    c.timing
from (select sqlembed._embedding_of(%s::regclass, %s)) as f (found)
join sqlembed.embedding as c on c.id = (f.found).id
join sqlembed.embedding as e on e.generation_of = c.id and e.generation = %s
"""
PROGRESS = """
select
    e.queued_at is not null, count(w.key),
    coalesce(min(w.changed_at) <= greatest(e.queued_at, %s::timestamptz), false)
from sqlembed.embedding as e
left join sqlembed._waiting as w on w.embedding = e.id
where e.id = %s
group by e.queued_at
"""
INDEX = "select sqlembed.generation_index(%s::regclass, %s)"
UNFINISHED = """
select pg_catalog.format('drop index concurrently %%s', i.indexrelid::regclass)
from pg_catalog.pg_index as i
join pg_catalog.pg_class as c on c.oid = i.indexrelid
where i.indrelid = %s::regclass and c.relname = %s and not i.indisvalid
"""

POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Beside:
    """The generation beside an embedding."""

    id: int
    embedder: str
    #: Its vector column.
    name: str
    index_name: str | None
    #: The table that holds its vectors.
    holder: str
    #: Of the current generation.
    timing: str


def beside(
    connection: Connection, relation: str, embedding: str | None, generation: str
) -> Beside | None:
    """Return the generation beside an embedding, if there is this one."""
    row = connection.execute(BESIDE.encode(), (relation, embedding, generation)).fetchone()
    return None if row is None else Beside(*row)


def wait_until_built(
    database: Database, connection: Connection, registry: Registry, found: Beside
) -> None:
    """Wait until the rows of a generation are embedded; embed them here where no worker does.

    What is written meanwhile is not waited for.

    Raises:
        EmbedderError: rows wait for an embedder that nobody serves.
    """
    began = scalar(connection, "select clock_timestamp()")
    highest = 0
    with rows_bar(f"embedding with {found.embedder}") as advance:
        while True:
            row = connection.execute(PROGRESS.encode(), (began, found.id)).fetchone()
            if row is None or (row[0] and not row[2]):
                return
            highest = max(highest, row[1])
            advance(highest - row[1], highest)
            if serving.is_served(connection, found.embedder):
                time.sleep(POLL_SECONDS)
                continue
            mine = serving.only(registry, [found.embedder] if found.embedder in registry else [])
            if not mine:
                raise errors.EmbedderError(
                    f"rows wait, and no worker serves embedder {found.embedder!r}",
                    hint="Start one: sqlembed worker --registry module:object",
                )
            serving.work_here(database, mine, highest, advance)


def build_index(
    connection: Connection, relation: str, embedding: str | None, found: Beside
) -> bool:
    """Build the index of that generation while the table is in use; whether there was need."""
    statement = scalar(connection, INDEX, (relation, embedding))
    if statement is None:
        return False
    # What a build that was interrupted has left.
    if leftover := scalar(connection, UNFINISHED, (found.holder, found.index_name)):
        connection.execute(str(leftover).encode())
    with patience(f"building the index of {found.name}"):
        connection.execute(str(statement).encode())
    return True
