"""Who computes vectors for a command: a living worker, or this process."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from sqlembed import errors
from sqlembed.cli.database import scalar
from sqlembed.cli.output import patience
from sqlembed.cli.progress import Advance, rows_bar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sqlembed.cli.database import Connection, Database
    from sqlembed.embedders import Embedder, Registry
    from sqlembed.worker import Progress

BUILTIN = "sqlembed.embedders.builtin:registry"

IS_SERVED = "select exists (select from sqlembed.worker as w where %s = any (w.embedders))"
EMBEDDER = "select dimensions, fingerprint from sqlembed.embedder where name = %s"
FINGERPRINT = "select coalesce(fingerprint, '') from sqlembed.embedder where name = %s"
PENDING = "select rows, served from sqlembed._pending(%s::regclass)"
FAILED = """
select count(*), min(error) from sqlembed.failure where relation = %s::regclass and embedding = %s
"""

#: A look at the queue may take this part of the time.
LOOKING = 0.1
SHORTEST_PAUSE_SECONDS = 0.2


def load_registry(spec: str | None) -> Registry:
    """Return the registry that the user named, else the built-in one.

    Raises:
        LoadError: there is none under this name.
    """
    from sqlembed.embedders import Registry

    return Registry.load(spec or BUILTIN)


def is_served(connection: Connection, embedder: str) -> bool:
    """Tell whether a worker that serves the embedder is alive."""
    return bool(scalar(connection, IS_SERVED, (embedder,)))


def matching_embedder(connection: Connection, registry: Registry, name: str) -> Embedder:
    """Return this process's embedder of a name if it is the one that the database knows.

    Raises:
        UnknownEmbedder: the registry does not have it.
        RegistrationRefused: its vectors are not comparable with those that are stored.
    """
    known = connection.execute(EMBEDDER.encode(), (name,)).fetchone()
    if known is None:
        return registry.get(name)
    if name not in registry:
        raise errors.UnknownEmbedder(
            f"no worker serves embedder {name!r}, and it is not in this registry",
            hint="Start a worker that has it, or name its registry with --registry.",
        )
    embedder = registry.get(name)
    with patience(f"loading {name}"):
        mine = (embedder.dimensions, embedder.fingerprint)
    if known[0] != mine[0] or known[1] not in (None, mine[1]):
        raise errors.RegistrationRefused(
            f"embedder {name!r} of this registry is not the one that made the stored vectors"
            f" (stored: {known[1]}; here: {mine[1]})",
            hint="Name the registry that the workers use with --registry.",
        )
    return embedder


def make_servable(
    database: Database, connection: Connection, registry: Registry, name: str, wait: bool
) -> None:
    """Make an embedder known to the database, and see that somebody can serve it.

    Raises:
        RegistryError: this process does not have it, or another one of this name, and it is needed.
    """
    fingerprint = scalar(connection, FINGERPRINT, (name,))
    if fingerprint and (not wait or is_served(connection, name)):
        return
    found = matching_embedder(connection, registry, name)
    if not fingerprint:
        from sqlembed.worker import register_embedders

        register_embedders(database.url, only(registry, [found.name]))


def query_vector(embedder: Embedder, text: str) -> str:
    """Embed a query in this process; returns the vector as pgvector writes it."""
    with patience(f"embedding with {embedder.name}, for want of a worker"):
        (vector,) = embedder.embed([text], "query")
    return written(vector)


def written(vector: NDArray[np.float32]) -> str:
    """Return a vector as pgvector writes it."""
    return "[" + ",".join(map(repr, vector.tolist())) + "]"


def wait_until_embedded(
    database: Database,
    connection: Connection,
    registry: Registry,
    relation: str,
    embedders: Sequence[str],
) -> None:
    """Wait until a table's rows are embedded; embed them here where no worker does.

    Args:
        database: where the table is.
        connection: to it, in autocommit.
        registry: what this process can serve.
        relation: the table, as SQL.
        embedders: of its embeddings.

    Raises:
        EmbedderError: rows wait for an embedder that nobody serves.
    """
    highest = 0
    with rows_bar(f"embedding with {', '.join(embedders)}") as advance:
        while True:
            began = time.monotonic()
            pending, served = pending_rows(connection, relation)
            highest = max(highest, pending)
            advance(highest - pending, highest)
            if pending == 0:
                return
            if served:
                looked = time.monotonic() - began
                time.sleep(max(SHORTEST_PAUSE_SECONDS, looked / LOOKING))
                continue
            unserved = [name for name in embedders if not is_served(connection, name)]
            mine = only(registry, [name for name in unserved if name in registry])
            if unserved and not mine:
                raise errors.EmbedderError(
                    f"{pending} rows wait, and no worker serves embedder {unserved[0]!r}",
                    hint="Start one: sqlembed worker --registry module:object",
                )
            work_here(database, mine, highest, advance)


def only(registry: Registry, names: Iterable[str]) -> Registry:
    """Return a registry of some of the embedders, so that no other model is loaded."""
    from sqlembed.embedders import Registry

    made = Registry()
    for name in names:
        made.add(registry.get(name))
    return made


def pending_rows(connection: Connection, relation: str) -> tuple[int, bool]:
    """Return how many rows of a table wait, and whether living workers serve all of them."""
    row = connection.execute(PENDING.encode(), (relation,)).fetchone()
    assert row is not None
    # NULL where a policy keeps rows back.
    return int(row[0] or 0), bool(row[1])


def failures_of(connection: Connection, relation: str, embedding: str) -> tuple[int, str | None]:
    """Return how many rows of an embedding were given up, and one of the reasons."""
    row = connection.execute(FAILED.encode(), (relation, embedding)).fetchone()
    assert row is not None
    return int(row[0]), row[1]


def work_here(database: Database, registry: Registry, highest: int, advance: Advance) -> None:
    """Embed what waits in this process, and tell how far it is."""
    from sqlembed.cli.worker_log import complaints
    from sqlembed.worker import Worker

    def observe(progress: Progress) -> None:
        advance(min(progress.done + progress.failed, highest), highest)

    with complaints():
        Worker(database.url, registry, observer=observe).run(burst=True)
