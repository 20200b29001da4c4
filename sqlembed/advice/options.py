"""The ways in which vectors can be stored and indexed."""

from __future__ import annotations

from dataclasses import dataclass

from sqlembed.types import Index, Storage

#: Dimensions that an HNSW index takes.
MOST: dict[Storage, int] = {"vector": 2000, "halfvec": 4000}

#: Lengths to which models are trained to be cut, or near to them.
PREFIXES = (64, 128, 256, 512, 1024)
TRIED_PREFIXES = 2


@dataclass(frozen=True)
class Option:
    """A way to store and index vectors."""

    storage: Storage
    index: Index
    #: How many dimensions the prefix has.
    prefix: int | None = None

    @property
    def index_options(self) -> dict[str, int]:
        """What ``create_embedding`` is told of the index besides its kind."""
        return {} if self.prefix is None else {"dimensions": self.prefix}

    def __str__(self) -> str:
        kind = {
            "none": "no index",
            "hnsw": "hnsw",
            "binary": "binary",
            "prefix": f"prefix of {self.prefix}",
        }
        return f"{self.storage}, {kind[self.index]}"


@dataclass(frozen=True)
class Measured:
    """What an option does on the sample."""

    option: Option
    #: Share of the rows that are really nearest among those found.
    recall: float
    #: Median time of a search.
    milliseconds: float
    #: Size of the vectors and of the index, in bytes.
    column_size: int
    index_size: int
    #: Time that building the index took.
    build_seconds: float

    @property
    def size(self) -> int:
        """Bytes of both."""
        return self.column_size + self.index_size


def options_for(storage: Storage, dimensions: int) -> list[Option]:
    """Return the options for a column: what it is without an index first, then by storage."""
    found = [Option(storage, "none")]
    storages: tuple[Storage, ...] = ("vector", "halfvec") if storage == "vector" else ("halfvec",)
    for kind in storages:
        if dimensions <= MOST[kind]:
            found.append(Option(kind, "hnsw"))
        found.append(Option(kind, "binary"))
        if kind == storage:
            lengths = [length for length in PREFIXES if 2 * length <= dimensions]
            found += [Option(kind, "prefix", length) for length in lengths[-TRIED_PREFIXES:]]
    return found
