"""The rows that a transaction has written are read, embedded in this process and given vectors."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlembed.errors import EmbedderError
from sqlembed.orm.greenlets import off_the_loop
from sqlembed.orm.numbers import numbers

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sqlalchemy import Connection

    from sqlembed.embedders import Embedder, Registry

#: How often triggers may change texts upon their vectors.
ROUNDS = 10

READ = "select embedding, embedder, fingerprint, key, input, hash from sqlembed._read_changes()"
WRITE = "select sqlembed._write_numbers({}::integer, {}::text[], {}::bytea[], {}::real[])"
ASK = "select sqlembed._embed_changes({}::integer)"


@dataclass
class _Rows:
    """Rows of one embedding that wait for their vectors."""

    embedder: str
    fingerprint: str | None
    #: Keys and hashes, by text.
    by_text: dict[str, list[tuple[str, bytes]]] = field(default_factory=dict)
    blank: list[tuple[str, bytes | None]] = field(default_factory=list)


def drain(connection: Connection, registry: Registry) -> None:
    """Gives all rows that the transaction has written and not yet embedded their vectors.

    Each embedder is called once. One that the registry lacks, or has otherwise than the database
    knows it, is asked through a worker.

    Args:
        connection: in the transaction.
        registry: the embedders of this process.

    Raises:
        EmbedderError: an embedder failed; the rows still wait.
    """
    for _ in range(ROUNDS):
        waiting = _read(connection)
        if not waiting:
            return
        vectors = off_the_loop(partial(_compute, waiting, registry))
        is_left = False
        for embedding, rows in waiting.items():
            if rows.embedder in vectors or not rows.by_text:
                is_left = _write(connection, embedding, rows, vectors.get(rows.embedder, {}))
            else:
                is_left = _call(connection, ASK, embedding)
        if not is_left:
            return
    raise EmbedderError(
        "a trigger changes the text whenever its vector is written",
        hint="restrict the trigger to updates of other columns, or use timing='async'",
    )


def _read(connection: Connection) -> dict[int, _Rows]:
    waiting: dict[int, _Rows] = {}
    for embedding, embedder, fingerprint, key, text, digest in connection.exec_driver_sql(READ):
        rows = waiting.setdefault(embedding, _Rows(embedder, fingerprint))
        known = None if digest is None else bytes(digest)
        if text is None or known is None:
            rows.blank.append((key, known))
        else:
            rows.by_text.setdefault(text, []).append((key, known))
    return waiting


def _compute(
    waiting: dict[int, _Rows], registry: Registry
) -> dict[str, dict[str, NDArray[np.float32]]]:
    """Returns vectors by embedder and text, of the embedders that are the database's own."""
    wanted: dict[str, dict[str, None]] = {}
    for rows in waiting.values():
        if rows.by_text and rows.embedder in registry:
            embedder: Embedder = registry.get(rows.embedder)
            if embedder.fingerprint == rows.fingerprint:
                wanted.setdefault(rows.embedder, {}).update(dict.fromkeys(rows.by_text))
    return {
        name: dict(zip(texts, registry.get(name).embed(list(texts), "document"), strict=True))
        for name, texts in wanted.items()
    }


def _write(
    connection: Connection, embedding: int, rows: _Rows, vectors: dict[str, NDArray[np.float32]]
) -> bool:
    """Writes vectors; returns whether any row is left, or again, without its own."""
    import numpy as np

    made: list[NDArray[np.float32]] = []
    found: list[tuple[str, bytes | None]] = []
    for text, same in rows.by_text.items():
        made += [vectors[text]] * len(same)
        found += same
    # Rows without a vector come last.
    found += rows.blank
    return _call(
        connection,
        WRITE,
        embedding,
        [key for key, _ in found],
        [digest for _, digest in found],
        numbers(connection, np.asarray(made, dtype=np.float32)),
    )


def _call(connection: Connection, statement: str, *values: Any) -> bool:
    """Executes a statement with its parameters as the driver writes them."""
    numbered = connection.dialect.paramstyle == "numeric_dollar"
    places = [f"${position + 1}" if numbered else "%s" for position in range(len(values))]
    return bool(connection.exec_driver_sql(statement.format(*places), values).scalar())
