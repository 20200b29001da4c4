"""Requests: texts that SQL statements want embedded right now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlembed.types import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgvector import Vector

    from sqlembed.worker.link import Connection

#: How many requests one batch answers at most.
REQUEST_LIMIT = 1_000

TAKE = "select id, embedder, kind, inputs from sqlembed._take_requests(%s, %s)"
ANSWER = "select sqlembed._answer_request(%s, %b::vector[], %s)"
NEXT_EPOCH = "select sqlembed._next_epoch(%s)"
LEAVE_EPOCH = "select sqlembed._leave_epoch(%s, %s)"


@dataclass(frozen=True)
class Request:
    """Texts that one caller waits for."""

    id: int
    embedder: str
    kind: Kind
    #: Distinct, none of them blank.
    inputs: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """What a caller gets: vectors in the order of its inputs, or what went wrong."""

    request: Request
    vectors: Sequence[Vector] | None
    error: str | None


class Requests:
    """The requests put to one worker."""

    def __init__(self, connection: Connection, worker: int) -> None:
        self._connection = connection
        self._worker = worker

    def take(self) -> list[Request]:
        """Return the requests that wait, oldest first."""
        rows = self._connection.execute(TAKE, (self._worker, REQUEST_LIMIT))
        return [
            Request(int(str(id)), str(embedder), _kind(kind), _texts(inputs))
            for id, embedder, kind, inputs in rows
        ]

    def answer(self, answers: Sequence[Answer]) -> None:
        """Store answers and wake their callers; commits.

        The lock that callers wait for is let go after the commit: earlier they would wake and
        find nothing.
        """
        with self._connection.transaction():
            for answer in answers:
                vectors = None if answer.vectors is None else list(answer.vectors)
                self._connection.execute(ANSWER, (answer.request.id, vectors, answer.error))
            row = self._connection.execute(NEXT_EPOCH, (self._worker,)).fetchone()
        assert row is not None
        self._connection.execute(LEAVE_EPOCH, (self._worker, row[0]))


def _kind(value: object) -> Kind:
    return "query" if value == "query" else "document"


def _texts(value: object) -> tuple[str, ...]:
    assert isinstance(value, list)
    return tuple(value)
