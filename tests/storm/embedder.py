"""The embedder of a storm: slow, unreliable, and a witness of what it was asked."""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

from sqlembed.embedders import HashEmbedder
from sqlembed.errors import RetryLater
from sqlembed.types import Kind, Vectors

DIMENSIONS = 8

#: No embedder likes a text with this in it.
POISON = "☠"

#: Of 100 calls 5 fail: half of them without a reason, which may charge a row, and half because the
#: embedder is busy, which may not. A healthy row is given up when it stands alone in five
#: failing calls running: 0.025 to the fifth, one row in a hundred million.
FAILING = 0.025
BUSY = 0.025
BUSY_DELAY = timedelta(milliseconds=200)

#: What a call takes, and each of its texts: long enough to be caught in the middle of one.
CALL_TIME = 0.004
TEXT_TIME = 0.0001

CALLS = "calls"
DOWN = "down"


class StormEmbedder(HashEmbedder):
    """A ``HashEmbedder`` that keeps a record of its calls in a folder.

    Args:
        folder: where the record is, shared by all workers; while a file ``down`` is in it, every
            call fails.
        seed: which calls fail.
    """

    def __init__(self, folder: Path, seed: str) -> None:
        super().__init__("hash", DIMENSIONS, batch_size=32)
        self._folder = folder
        self._dice = random.Random(seed)
        # Lines of several processes do not mix, and one that was written outlives its process.
        self._record = os.open(folder / CALLS, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def _embed(self, texts: list[str], kind: Kind) -> Vectors:
        try:
            self._fail_perhaps(texts)
        except Exception:
            self._note("failed", texts)
            raise
        time.sleep(CALL_TIME + TEXT_TIME * len(texts))
        vectors = super()._embed(texts, kind)
        self._note("embedded", texts)
        return vectors

    def _fail_perhaps(self, texts: Sequence[str]) -> None:
        if (self._folder / DOWN).exists():
            raise ConnectionRefusedError("the model is down")
        chance = self._dice.random()
        if chance < FAILING:
            raise RuntimeError("no reason")
        if chance < FAILING + BUSY:
            raise RetryLater(BUSY_DELAY, "too many requests")
        if any(POISON in text for text in texts):
            raise ValueError("poison")

    def _note(self, outcome: str, texts: Sequence[str]) -> None:
        digests = [sha256(text.encode()).hexdigest()[:20] for text in texts]
        os.write(self._record, (json.dumps([outcome, digests]) + "\n").encode())


@dataclass(frozen=True)
class Calls:
    """What all workers asked of the embedder."""

    count: int
    failed: int
    #: Texts in calls that failed, each as often as it was in one.
    texts_failed: int
    #: Texts that got a vector, each as often as it got one.
    texts_embedded: int
    #: Different texts among these.
    distinct: int


def read_calls(folder: Path) -> Calls:
    """Sum up the record of the calls."""
    outcomes: Counter[str] = Counter()
    texts: Counter[str] = Counter()
    distinct: set[str] = set()
    for line in (folder / CALLS).read_text().splitlines():
        outcome, digests = json.loads(line)
        outcomes[outcome] += 1
        texts[outcome] += len(digests)
        if outcome == "embedded":
            distinct.update(digests)
    return Calls(
        count=outcomes.total(),
        failed=outcomes["failed"],
        texts_failed=texts["failed"],
        texts_embedded=texts["embedded"],
        distinct=len(distinct),
    )
