"""compute: each text once, sorted by length, bad ones set apart, nothing paid for lost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from sqlembed.embedders import Embedder, Registry
from sqlembed.errors import ConfigError, RetryLater
from sqlembed.types import Kind
from sqlembed.worker.compute import Computed, compute, digest
from sqlembed.worker.jobs import ERROR_LENGTH, storable


class Recorder(Embedder):
    """Counts the letters of texts, notes its calls, and refuses some texts."""

    dimensions = 1
    fingerprint = "letters"

    def __init__(self, refuse: dict[str, Exception] | None = None, batch_size: int = 4) -> None:
        super().__init__("letters", batch_size=batch_size)
        self.calls: list[list[str]] = []
        self.refuse = refuse or {}

    def _embed(self, texts: list[str], kind: Kind) -> Any:
        del kind
        self.calls.append(list(texts))
        for text in texts:
            if text in self.refuse:
                raise self.refuse[text]
        return [[len(text)] for text in texts]


def done(embedder: Embedder, texts: Sequence[str], between: Any = lambda: None) -> Computed:
    return compute(embedder, "document", {digest(text): text for text in texts}, between)


def lengths(computed: Computed, texts: Sequence[str]) -> list[float | None]:
    return [
        float(computed.vectors[digest(text)][0]) if digest(text) in computed.vectors else None
        for text in texts
    ]


def test_texts_of_one_length_go_together_and_callers_are_served_in_between() -> None:
    embedder, turns = Recorder(batch_size=2), []
    texts = ["aaa", "a", "aa", "bbb", "b"]
    computed = done(embedder, texts, lambda: turns.append(len(embedder.calls)))
    assert embedder.calls == [["a", "b"], ["aa", "aaa"], ["bbb"]]
    assert turns == [1, 2]
    assert lengths(computed, texts) == [3, 1, 2, 3, 1]
    assert (computed.errors, computed.retry) == ({}, None)


def test_no_text_is_no_call() -> None:
    embedder = Recorder()
    assert done(embedder, []) == Computed()
    assert embedder.calls == []


def test_a_bad_text_is_set_apart() -> None:
    embedder = Recorder({"bad": ValueError("cannot take it")}, batch_size=8)
    texts = ["a", "b", "bad", "c", "d", "e", "f", "g"]
    computed = done(embedder, texts)
    assert lengths(computed, texts) == [1, 1, None, 1, 1, 1, 1, 1]
    assert computed.errors == {
        digest("bad"): "embedder 'letters' failed: ValueError: cannot take it"
    }
    assert len(embedder.calls) == 1 + 2 * 3


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (RetryLater(timedelta(seconds=7), "busy"), 7),
        (ConnectionError("refused"), 5),
        (MemoryError(), 5),
        (ConfigError("no key"), 30),
    ],
)
def test_when_the_embedder_stops_what_it_made_is_kept(error: Exception, seconds: int) -> None:
    embedder = Recorder({"down": error}, batch_size=2)
    texts = ["a", "b", "down", "later..."]
    computed = done(embedder, texts)
    assert lengths(computed, texts) == [1, 1, None, None]
    assert computed.errors == {}
    assert computed.retry is not None and computed.retry.delay == timedelta(seconds=seconds)
    assert len(embedder.calls) == 2


def test_vectors_are_those_of_the_embedder_whatever_it_returns() -> None:
    registry = Registry()
    registry.embedder("lists", dimensions=2)(lambda texts: [[1, 2] for _ in texts])
    ((vector,),) = [done(registry.get("lists"), ["x"]).vectors.values()]
    assert vector.dtype == np.float32 and vector.tolist() == [1, 2]


def test_what_is_said_of_an_error_can_be_stored() -> None:
    assert storable("a\0b \ud800 c") == "ab ? c"
    assert storable("x" * ERROR_LENGTH) == "x" * ERROR_LENGTH
    assert len(storable("x" * 10_000_000)) < ERROR_LENGTH + 10
