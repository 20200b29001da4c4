"""Texts to vectors: from the cache, the rest in batches sorted by length, bad texts set apart."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from sqlembed import errors
from sqlembed.worker.jobs import as_vectors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pgvector import Vector

    from sqlembed.embedders import Embedder
    from sqlembed.types import Kind
    from sqlembed.worker.jobs import Jobs

#: How long an embedder that cannot be reached is left alone.
UNREACHABLE_DELAY = timedelta(seconds=5)


@dataclass
class Computed:
    """Vectors and errors, each by the sha256 of its text."""

    vectors: dict[bytes, Vector] = field(default_factory=dict)
    errors: dict[bytes, str] = field(default_factory=dict)
    #: Those that were not in the cache before.
    fresh: dict[bytes, Vector] = field(default_factory=dict)


def digest(text: str) -> bytes:
    """Return the sha256 of a text in UTF-8: what caches and stale tests know it by."""
    return sha256(text.encode()).digest()


def compute(
    embedder: Embedder,
    kind: Kind,
    texts: Iterable[str],
    jobs: Jobs,
    between: Callable[[], None],
) -> Computed:
    """Embed each distinct text once.

    Args:
        embedder: makes the vectors.
        kind: what the texts are to an embedder that tells queries from documents.
        texts: none of them blank.
        jobs: gives access to the cache.
        between: called between two calls of the embedder, for what cannot wait.

    Raises:
        errors.RetryLater: the embedder is down: no text is to blame.
    """
    kind = kind if embedder.asymmetric else "document"
    wanted = {digest(text): text for text in texts}
    result = Computed(vectors=jobs.read_cache(embedder.fingerprint, kind, list(wanted)))
    # Of one length in one call, because models pad to the longest.
    missing = [key for key in wanted if key not in result.vectors]
    missing.sort(key=lambda key: len(wanted[key]))
    for start in range(0, len(missing), embedder.batch_size):
        if start:
            between()
        part = {key: wanted[key] for key in missing[start : start + embedder.batch_size]}
        _embed_or_halve(embedder, kind, part, result)
    result.vectors |= result.fresh
    return result


def _embed_or_halve(
    embedder: Embedder, kind: Kind, texts: dict[bytes, str], result: Computed
) -> None:
    """Embed a batch; when it fails, its halves, until the bad text stands alone."""
    try:
        rows = embedder.embed(list(texts.values()), kind)
    except errors.RetryLater:
        raise
    except errors.EmbedderError as error:
        if isinstance(error.__cause__, (OSError, MemoryError)):
            raise errors.RetryLater(UNREACHABLE_DELAY, str(error)) from error
        if len(texts) == 1:
            result.errors[next(iter(texts))] = str(error)
            return
        keys = list(texts)
        for half in (keys[: len(keys) // 2], keys[len(keys) // 2 :]):
            _embed_or_halve(embedder, kind, {key: texts[key] for key in half}, result)
        return
    result.fresh |= dict(zip(texts, as_vectors(rows), strict=True))
