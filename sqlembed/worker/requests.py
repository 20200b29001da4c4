"""Requests: texts that SQL statements want embedded right now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlembed.types import Kind
from sqlembed.worker.arrays import HashArray, VectorArray
from sqlembed.worker.compute import Computer, digest
from sqlembed.worker.jobs import storable
from sqlembed.worker.rests import said_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlembed.embedders import Embedder, Registry
    from sqlembed.worker.link import Connection

#: How many requests one batch answers at most.
REQUEST_LIMIT = 1_000

TAKE = "select id, embedder, kind, inputs from sqlembed._take_requests(%s, %s)"
ANSWER = "select sqlembed._answer_requests(%s, %s::bigint[], %s::int[], %s::text[], %s, %s, %b, %b)"
LEAVE_EPOCH = "select sqlembed._leave_epoch(%s, %s)"


@dataclass(frozen=True)
class Request:
    """Texts that one caller waits for."""

    id: int
    embedder: str
    kind: Kind
    #: Distinct, none of them blank.
    inputs: tuple[str, ...]


class Requests:
    """The requests put to one worker."""

    def __init__(
        self, connection: Connection, worker: int, registry: Registry, computer: Computer
    ) -> None:
        self._connection = connection
        self._worker = worker
        self._registry = registry
        self._computer = computer

    def answer(self) -> int:
        """Answer the requests that wait, those of one embedder in one batch; returns how many."""
        requests = self._take()
        groups: dict[tuple[str, Kind], list[Request]] = {}
        for request in requests:
            groups.setdefault((request.embedder, request.kind), []).append(request)
        for (name, kind), group in groups.items():
            self._answer(self._registry.get(name), kind, group)
        return len(requests)

    def _take(self) -> list[Request]:
        rows = self._connection.execute(TAKE, (self._worker, REQUEST_LIMIT))
        return [
            Request(
                int(str(id)),
                str(embedder),
                "query" if kind == "query" else "document",
                tuple(inputs),  # type: ignore[arg-type]
            )
            for id, embedder, kind, inputs in rows
        ]

    def _answer(self, embedder: Embedder, kind: Kind, requests: Sequence[Request]) -> None:
        # Callers have looked into the cache a moment ago: nothing of this is in it.
        texts = {digest(text): text for request in requests for text in request.inputs}
        computed = self._computer.compute(embedder, kind, texts, lambda: None)
        said: list[str | None] = []
        hashes: list[bytes] = []
        counts: list[int] = []
        for request in requests:
            wanted = [digest(text) for text in request.inputs]
            error = next((computed.errors[key] for key in wanted if key in computed.errors), None)
            if error is None and any(key not in computed.vectors for key in wanted):
                assert computed.rest is not None
                error = said_of(computed.rest)
            said.append(None if error is None else storable(error))
            counts.append(0 if error else len(wanted))
            hashes += [] if error else wanted
        self._store(
            (
                self._worker,
                [request.id for request in requests],
                counts,
                said,
                embedder.fingerprint,
                kind if embedder.asymmetric else "document",
                HashArray(hashes),
                VectorArray([computed.vectors[key] for key in hashes]),
            )
        )

    def _store(self, values: tuple[object, ...]) -> None:
        """Store answers and wake their callers.

        The lock that callers wait for is let go after the commit: earlier they would wake and
        find nothing.
        """
        row = self._connection.execute(ANSWER, values).fetchone()
        assert row is not None
        self._connection.execute(LEAVE_EPOCH, (self._worker, row[0]))
