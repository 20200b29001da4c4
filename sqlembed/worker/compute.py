"""Texts to vectors: in batches sorted by length, bad texts set apart, no text charged in vain."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

from sqlembed.embedders.outages import outage_of
from sqlembed.errors import (
    ConfigError,
    EmbedderError,
    RetryLater,
    WrongCount,
    WrongDimensions,
)
from sqlembed.worker.rests import Cause, Rest, Rests

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sqlembed.embedders import Embedder
    from sqlembed.types import Kind

log = logging.getLogger("sqlembed.worker")

#: Characters of a text that is kept to try an embedder with.
SAMPLE_LENGTH = 1_000


@dataclass
class Computed:
    """Vectors and errors, each by the sha256 of its text."""

    vectors: dict[bytes, NDArray[np.float32]] = field(default_factory=dict)
    errors: dict[bytes, str] = field(default_factory=dict)
    #: Texts whose vectors were known before.
    cached: Collection[bytes] = ()
    #: Why the embedder stopped in between; texts in neither of the two are still to be done.
    rest: Rest | None = None
    #: In the embedder, for the vectors that it made.
    seconds: float = 0.0


class _Stopped(Exception):
    """The embedder is to be left alone."""

    def __init__(self, cause: Cause) -> None:
        super().__init__(cause.reason)
        self.cause = cause


def digest(text: str) -> bytes:
    """Return the sha256 of a text in UTF-8: what caches and stale tests know it by."""
    return sha256(text.encode()).digest()


class Computer:
    """Calls the embedders of one worker, and learns how each is to be called.

    A text is charged only by an embedder that works. What looks like an outage may be the fault of
    one text, which takes too long or has no room; so a text that went well before is tried: if it
    still does, the bad text is looked for, and otherwise the embedder is left alone.

    Args:
        rests: the embedders that are left alone.
    """

    def __init__(self, rests: Rests) -> None:
        self._rests = rests
        self._at_once: dict[str, int] = {}
        self._samples: dict[tuple[str, Kind], str] = {}

    def compute(
        self,
        embedder: Embedder,
        kind: Kind,
        texts: Mapping[bytes, str],
        between: Callable[[], None],
    ) -> Computed:
        """Embed each text once; nothing at all while the embedder is left alone.

        Args:
            embedder: makes the vectors.
            kind: what the texts are to an embedder that tells queries from documents.
            texts: none of them blank, by their sha256.
            between: called between two calls of the embedder, for what cannot wait.
        """
        if not texts:
            return Computed()
        if (rest := self._rests.of(embedder.name)) is not None:
            return Computed(rest=rest)
        task = _Task(embedder, kind, texts, between, self._samples, self._at_once)
        cause = None
        try:
            task.run()
        except _Stopped as stopped:
            cause = stopped.cause
        if task.result.vectors:
            self._rests.end(embedder.name)
        if cause is not None:
            # What has been computed, and perhaps paid for, is kept.
            task.result.rest = self._rests.begin(embedder.name, cause)
        return task.result


@dataclass
class _Task:
    """Texts that are embedded together."""

    embedder: Embedder
    kind: Kind
    texts: Mapping[bytes, str]
    between: Callable[[], None]
    #: A text that went well, by embedder and kind.
    samples: dict[tuple[str, Kind], str]
    #: Fewer texts at once than its batch size, for an embedder that ran out of memory.
    at_once: dict[str, int]
    result: Computed = field(default_factory=Computed)
    is_trusted: bool = False

    def run(self) -> None:
        # Of one length in one call, because models pad to the longest.
        waiting = sorted(self.texts, key=lambda key: len(self.texts[key]))
        start = 0
        while start < len(waiting):
            if start:
                self.between()
            most = self.at_once.get(self.embedder.name, self.embedder.batch_size)
            part = waiting[start : start + most]
            start += len(part)
            self._embed_or_halve(part)

    def _embed_or_halve(self, keys: list[bytes]) -> None:
        """Embed a batch; when it fails, its halves, until the bad text stands alone."""
        began = time.monotonic()
        try:
            rows = self.embedder.embed([self.texts[key] for key in keys], self.kind)
        except (EmbedderError, ConfigError) as error:
            failed: EmbedderError | ConfigError = error
        else:
            self.result.seconds += time.monotonic() - began
            self.result.vectors |= zip(keys, rows, strict=True)
            self._keep_sample(self.texts[keys[0]])
            return
        # Outside the handler, whose traceback may hold what fills the memory.
        self._stop_if_down(failed, len(keys))
        if len(keys) == 1:
            self.result.errors[keys[0]] = str(failed)
            return
        middle = len(keys) // 2
        for half in (keys[:middle], keys[middle:]):
            self.between()
            self._embed_or_halve(half)

    def _stop_if_down(self, error: EmbedderError | ConfigError, size: int) -> None:
        """Return if one of so many texts may be to blame.

        Raises:
            _Stopped: no text is.
        """
        reason = str(error)
        if isinstance(error, RetryLater):
            raise _Stopped(Cause(reason, error.delay, decides=True))
        if isinstance(error, ConfigError):
            raise _Stopped(Cause(reason, is_refused=True))
        outage, alone = outage_of(error), size == 1
        if outage is not None and outage.trouble == "memory" and not alone:
            self._take_fewer(size // 2)
            return
        if outage is None and not alone:
            return
        cause = Cause(reason)
        if outage is not None:
            is_refused = outage.trouble == "refused"
            cause = Cause(reason, outage.retry_after, is_refused=is_refused)
            if is_refused or outage.trouble == "limited" or outage.retry_after is not None:
                raise _Stopped(cause)
        # An outage may have begun since the last time.
        elif self.is_trusted:
            return
        works = self._still_works()
        # A shape that it never got right is not the fault of a text either.
        is_suspect = outage is not None or isinstance(error, (WrongCount, WrongDimensions))
        if works is False or (works is None and is_suspect):
            raise _Stopped(cause)
        self.is_trusted = True

    def _still_works(self) -> bool | None:
        """Try a text that went well before; ``None`` if there is none."""
        sample = self.samples.get((self.embedder.name, self.kind))
        if sample is None:
            return None
        try:
            self.embedder.embed([sample], self.kind)
        except (EmbedderError, ConfigError):
            return False
        return True

    def _keep_sample(self, text: str) -> None:
        if len(text) <= SAMPLE_LENGTH:
            # The last one: what an earlier text referred to may be gone.
            self.samples[self.embedder.name, self.kind] = text

    def _take_fewer(self, size: int) -> None:
        name = self.embedder.name
        if size < self.at_once.get(name, self.embedder.batch_size):
            self.at_once[name] = size
            log.warning("embedder is out of memory", extra={"embedder": name, "at_once": size})
