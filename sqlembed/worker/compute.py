"""Texts to vectors: in batches sorted by length, bad texts set apart."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from sqlembed.errors import ConfigError, EmbedderError, RetryLater

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from sqlembed.embedders import Embedder
    from sqlembed.types import Kind

#: How long an embedder that cannot be reached is left alone.
UNREACHABLE_DELAY = timedelta(seconds=5)

#: The same for one that lacks a library or a setting.
MISCONFIGURED_DELAY = timedelta(seconds=30)


@dataclass
class Computed:
    """Vectors and errors, each by the sha256 of its text."""

    vectors: dict[bytes, NDArray[np.float32]] = field(default_factory=dict)
    errors: dict[bytes, str] = field(default_factory=dict)
    #: Texts whose vectors were known before.
    cached: Collection[bytes] = ()
    #: Why the embedder stopped in between; texts in neither of the two are still to be done.
    retry: RetryLater | None = None


def digest(text: str) -> bytes:
    """Return the sha256 of a text in UTF-8: what caches and stale tests know it by."""
    return sha256(text.encode()).digest()


def compute(
    embedder: Embedder,
    kind: Kind,
    texts: Mapping[bytes, str],
    between: Callable[[], None],
) -> Computed:
    """Embed each text once.

    Args:
        embedder: makes the vectors.
        kind: what the texts are to an embedder that tells queries from documents.
        texts: none of them blank, by their sha256.
        between: called between two calls of the embedder, for what cannot wait.
    """
    result = Computed()
    # Of one length in one call, because models pad to the longest.
    waiting = sorted(texts, key=lambda key: len(texts[key]))
    try:
        for start in range(0, len(waiting), embedder.batch_size):
            if start:
                between()
            part = {key: texts[key] for key in waiting[start : start + embedder.batch_size]}
            _embed_or_halve(embedder, kind, part, result)
    except RetryLater as error:
        # What has been computed, and perhaps paid for, is kept.
        result.retry = error
    return result


def _embed_or_halve(
    embedder: Embedder, kind: Kind, texts: dict[bytes, str], result: Computed
) -> None:
    """Embed a batch; when it fails, its halves, until the bad text stands alone."""
    try:
        rows = embedder.embed(list(texts.values()), kind)
    except RetryLater:
        raise
    except ConfigError as error:
        raise RetryLater(MISCONFIGURED_DELAY, str(error)) from error
    except EmbedderError as error:
        if isinstance(error.__cause__, (OSError, MemoryError)):
            raise RetryLater(UNREACHABLE_DELAY, str(error)) from error
        if len(texts) == 1:
            result.errors[next(iter(texts))] = str(error)
            return
        keys = list(texts)
        for half in (keys[: len(keys) // 2], keys[len(keys) // 2 :]):
            _embed_or_halve(embedder, kind, {key: texts[key] for key in half}, result)
        return
    result.vectors |= zip(texts, rows, strict=True)
