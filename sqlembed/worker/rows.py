"""What a worker has in hand: a batch of jobs, and the texts of their rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Description:
    """How an embedding is served."""

    #: ``table.column``, for people.
    title: str
    embedder: str
    #: Statements with ``$1`` for parameters.
    read_sources: str
    write_vectors: str


@dataclass(frozen=True)
class Batch:
    """Jobs of one embedding that a worker holds the lease of."""

    embedding: int
    description: Description
    #: Whether the description was made for this batch.
    is_fresh: bool
    keys: Sequence[str]


@dataclass(frozen=True)
class Source:
    """The text of one row at the time it was read."""

    key: str
    #: ``None`` where there is nothing to embed.
    text: str | None
    #: sha256 of the row's text in UTF-8, a blank one's too; ``None`` where it is NULL.
    hash: bytes | None
