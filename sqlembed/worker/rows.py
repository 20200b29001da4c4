"""What a worker has in hand: a batch of jobs, and the texts of their rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class Description:
    """How an embedding is served."""

    #: ``table.column``, for people.
    title: str
    embedder: str
    #: Statements with ``$1`` for parameters.
    read_sources: str
    write_vectors: str
    #: How long texts are cut, as it was declared; ``None`` for texts that are embedded whole.
    chunking: Mapping[str, object] | None = None
    #: Reads the vectors that chunks of changed rows have.
    read_chunks: str | None = None
    #: How many rows to embed a second at most; ``None`` for as many as can be.
    rows_per_second: int | None = None


@dataclass(frozen=True)
class Batch:
    """Jobs of one embedding that a worker holds the lease of."""

    embedding: int
    description: Description
    #: Whether the description was made for this batch.
    is_fresh: bool
    keys: Sequence[str]
    #: Of a batch of new jobs, which has one; other jobs have one each.
    lease: int | None


@dataclass(frozen=True)
class Source:
    """The text of one row at the time it was read."""

    key: str
    #: ``None`` where there is nothing to embed.
    text: str | None
    #: sha256 of the row's text in UTF-8, a blank one's too; ``None`` where it is NULL.
    hash: bytes | None


@dataclass(frozen=True)
class Chunk:
    """A piece of a row's text."""

    #: Of the row.
    key: str
    #: Where it begins in the row's text, in characters.
    start: int
    #: A piece of the row's text as it stands there.
    text: str
    #: What is embedded: headings above it may go before it.
    input: str
    #: sha256 of that in UTF-8.
    hash: bytes


@dataclass(frozen=True)
class Document:
    """A row with the chunks of its text; none where there is nothing to embed."""

    source: Source
    chunks: Sequence[Chunk]

    @property
    def key(self) -> str:
        """The row's."""
        return self.source.key


@dataclass
class Work:
    """A batch in the making."""

    batch: Batch
    #: Keys of rows that are up to date.
    done: set[str] = field(default_factory=set)
    #: Keys of rows that are left for later.
    postponed: set[str] = field(default_factory=set)
    #: What went wrong, by key.
    bad: dict[str, str] = field(default_factory=dict)
