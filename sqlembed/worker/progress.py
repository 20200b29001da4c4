"""What a worker tells about itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """Where a worker stands, after a batch or some requests."""

    #: The embedding of the batch, as ``table.column``; empty after requests.
    embedding: str
    #: The embedder that made the vectors.
    embedder: str
    #: Rows finished since the worker started.
    done: int
    #: Rows that still wait for any worker.
    pending: int
    #: Rows given up since the worker started.
    failed: int
    #: Requests answered since the worker started.
    requests: int
    #: Seconds since the worker started.
    seconds: float
