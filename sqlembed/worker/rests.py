"""Which embedders are left alone, until when, and why."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

log = logging.getLogger("sqlembed.worker")

#: The first pause; each further one is twice as long, up to the limit.
FIRST = timedelta(seconds=1)
LIMIT = timedelta(minutes=5)

#: The first one where somebody has to mend a key or a setting.
FIRST_OF_REFUSED = timedelta(seconds=30)

#: Up to so much longer, so that many workers do not return together.
JITTER = 0.5
JITTER_OF_ASKED = 0.1


@dataclass(frozen=True)
class Cause:
    """Why an embedder cannot be used for now."""

    reason: str
    #: How long it asked for, if it did: the pause is no shorter.
    asked: timedelta | None = None
    #: Whether the pause is no longer either.
    decides: bool = False
    #: Whether it takes a person.
    is_refused: bool = False


@dataclass(frozen=True)
class Rest:
    """A pause of an embedder."""

    reason: str
    #: As ``time.monotonic`` counts.
    until: float

    @property
    def remaining(self) -> timedelta:
        """How long it still lasts; nothing when it is over."""
        return timedelta(seconds=max(0.0, self.until - time.monotonic()))


class Rests:
    """The pauses of the embedders that a worker serves.

    Args:
        chance: returns a number from 0 to 1.
    """

    def __init__(self, chance: Callable[[], float] = random.random) -> None:
        self._chance = chance
        self._rests: dict[str, Rest] = {}
        #: Failures since the last success.
        self._failures: dict[str, int] = {}

    def begin(self, embedder: str, cause: Cause) -> Rest:
        """Leave an embedder alone, longer each time until it is well again."""
        failures = self._failures.get(embedder, 0)
        self._failures[embedder] = failures + 1
        rest = Rest(cause.reason, time.monotonic() + self._pause(cause, failures).total_seconds())
        last = self._rests.get(embedder)
        self._rests[embedder] = rest
        extra = {
            "embedder": embedder,
            "reason": rest.reason,
            "seconds": round(rest.remaining.total_seconds(), 1),
        }
        # Said once, and not with every pause.
        is_new = last is None or last.reason != rest.reason
        log.log(logging.WARNING if is_new else logging.DEBUG, "embedder is down", extra=extra)
        return rest

    def end(self, embedder: str) -> None:
        """An embedder has made a vector: what was before is forgotten."""
        if self._failures.pop(embedder, 0):
            del self._rests[embedder]
            log.info("embedder is back", extra={"embedder": embedder})

    def of(self, embedder: str) -> Rest | None:
        """Return the pause of an embedder that is left alone now."""
        rest = self._rests.get(embedder)
        return rest if rest is not None and rest.remaining else None

    def is_well(self, embedder: str) -> bool:
        """Tell whether an embedder has not failed since it made a vector."""
        return embedder not in self._failures

    @property
    def resting(self) -> list[str]:
        """The embedders that are left alone now."""
        return sorted(name for name in self._rests if self.of(name))

    def _pause(self, cause: Cause, failures: int) -> timedelta:
        if cause.asked is not None and cause.decides:
            return cause.asked * (1 + JITTER_OF_ASKED * self._chance())
        first = FIRST_OF_REFUSED if cause.is_refused else FIRST
        # Beyond 2^20 every first pause is past the limit.
        doubled: timedelta = first * 2 ** min(failures, 20)
        own = min(doubled, LIMIT) * (1 + JITTER * self._chance())
        asked = (cause.asked or timedelta(0)) * (1 + JITTER_OF_ASKED * self._chance())
        return max(own, asked)


def said_of(rest: Rest) -> str:
    """Return what a caller is told who cannot wait that long."""
    seconds = max(1, round(rest.remaining.total_seconds()))
    return f"{rest.reason} (it is tried again in {seconds} s)"
