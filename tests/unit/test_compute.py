"""Computer: each text once, sorted by length, bad ones set apart, no text charged in vain."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from sqlembed.embedders import Embedder, Registry
from sqlembed.errors import ConfigError, RetryLater
from sqlembed.types import Kind
from sqlembed.worker.compute import SAMPLE_LENGTH, Computed, Computer, digest
from sqlembed.worker.jobs import ERROR_LENGTH, storable
from sqlembed.worker.rests import Rests

Refuse = Callable[[Sequence[str]], Exception | None]


class Recorder(Embedder):
    """Counts the letters of texts, notes its calls, and refuses some texts."""

    dimensions = 1
    fingerprint = "letters"

    def __init__(self, refuse: dict[str, Exception] | None = None, batch_size: int = 4) -> None:
        super().__init__("letters", batch_size=batch_size)
        self.calls: list[list[str]] = []
        self.refuse = refuse or {}
        self.error: Exception | None = None
        self.room: int | None = None

    def _embed(self, texts: list[str], kind: Kind) -> Any:
        del kind
        self.calls.append(list(texts))
        if self.error:
            raise self.error
        if self.room is not None and sum(map(len, texts)) > self.room:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
        for text in texts:
            if text in self.refuse:
                raise self.refuse[text]
        return [[len(text)] for text in texts]


@pytest.fixture
def computer() -> Computer:
    return Computer(Rests(lambda: 0.0))


def done(
    computer: Computer, embedder: Embedder, texts: Sequence[str], between: Any = lambda: None
) -> Computed:
    return computer.compute(embedder, "document", {digest(text): text for text in texts}, between)


def lengths(computed: Computed, texts: Sequence[str]) -> list[float | None]:
    return [
        float(computed.vectors[digest(text)][0]) if digest(text) in computed.vectors else None
        for text in texts
    ]


def test_texts_of_one_length_go_together_and_callers_are_served_in_between(
    computer: Computer,
) -> None:
    embedder, turns = Recorder(batch_size=2), []
    texts = ["aaa", "a", "aa", "bbb", "b"]
    computed = done(computer, embedder, texts, lambda: turns.append(len(embedder.calls)))
    assert embedder.calls == [["a", "b"], ["aa", "aaa"], ["bbb"]]
    assert turns == [1, 2]
    assert lengths(computed, texts) == [3, 1, 2, 3, 1]
    assert (computed.errors, computed.rest) == ({}, None)


def test_no_text_is_no_call(computer: Computer) -> None:
    embedder = Recorder()
    assert done(computer, embedder, []) == Computed()
    assert embedder.calls == []


def test_a_bad_text_is_set_apart(computer: Computer) -> None:
    embedder = Recorder({"bad": ValueError("cannot take it")}, batch_size=8)
    texts = ["a", "b", "bad", "c", "d", "e", "f", "g"]
    computed = done(computer, embedder, texts)
    assert lengths(computed, texts) == [1, 1, None, 1, 1, 1, 1, 1]
    assert computed.errors == {
        digest("bad"): "embedder 'letters' failed: ValueError: cannot take it"
    }
    assert computed.rest is None
    # And a text that went well, to see that it is not the embedder.
    assert len(embedder.calls) == 1 + 2 * 3 + 1


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (RetryLater(timedelta(seconds=7), "busy"), 7),
        (ConnectionError("refused"), 1),
        (TimeoutError(), 1),
        (MemoryError(), 1),
        (ConfigError("no key"), 30),
    ],
)
def test_when_the_embedder_goes_down_what_it_made_is_kept(
    computer: Computer, error: Exception, seconds: int
) -> None:
    embedder = Recorder(batch_size=2)
    texts = ["a", "b", "then", "later..."]

    def fail() -> None:
        embedder.error = error

    computed = done(computer, embedder, texts, fail)
    assert lengths(computed, texts) == [1, 1, None, None]
    assert computed.errors == {}
    assert computed.rest is not None
    assert seconds - 1 < computed.rest.remaining.total_seconds() <= seconds
    calls = len(embedder.calls)
    # Until then it is not asked, and whoever asks is told why.
    again = done(computer, embedder, ["then"])
    assert (again.rest, again.errors) == (computed.rest, {})
    assert len(embedder.calls) == calls


@pytest.mark.parametrize(
    "error", [TimeoutError("too slow"), ConnectionResetError("crashed"), MemoryError()]
)
def test_a_text_that_brings_the_embedder_down_is_found(
    computer: Computer, error: Exception
) -> None:
    """Or it would keep every other row from its vector for ever."""
    embedder = Recorder({"bad": error}, batch_size=4)
    texts = ["a", "b", "c", "d", "bad", "eeee", "ffff", "gggg"]
    computed = done(computer, embedder, texts)
    assert lengths(computed, texts) == [1, 1, 1, 1, None, 4, 4, 4]
    assert list(computed.errors) == [digest("bad")]
    assert computed.rest is None


def test_without_a_text_that_went_well_an_outage_is_one(computer: Computer) -> None:
    embedder = Recorder({"bad": TimeoutError("too slow")})
    computed = done(computer, embedder, ["bad"])
    assert (computed.errors, len(embedder.calls)) == ({}, 1)
    assert computed.rest is not None and "too slow" in computed.rest.reason


def test_an_embedder_that_breaks_down_charges_nobody(computer: Computer) -> None:
    """As one does whose GPU has failed: no error of it says so."""
    embedder = Recorder()
    assert lengths(done(computer, embedder, ["fine"]), ["fine"]) == [4]
    embedder.error = RuntimeError("CUDA error: device-side assert triggered")
    computed = done(computer, embedder, ["a", "b"])
    assert computed.errors == {}
    assert computed.rest is not None and "assert" in computed.rest.reason


def test_an_embedder_that_declares_other_dimensions_charges_nobody(computer: Computer) -> None:
    registry = Registry()
    registry.embedder("wide", dimensions=3)(lambda texts: [[1, 2] for _ in texts])
    computed = done(computer, registry.get("wide"), ["a", "b"])
    assert computed.errors == {}
    assert computed.rest is not None and "declared are 3" in computed.rest.reason


def test_a_text_of_which_it_makes_no_vector_is_charged(computer: Computer) -> None:
    registry = Registry()
    registry.embedder("odd", dimensions=2, batch_size=2)(
        lambda texts: [[1, 2] if text != "odd one" else [] for text in texts]
    )
    computed = done(computer, registry.get("odd"), ["a", "b", "odd one", "four"])
    assert len(computed.vectors) == 3
    assert list(computed.errors) == [digest("odd one")]


def test_fewer_texts_at_once_without_memory_from_then_on(
    computer: Computer, caplog: pytest.LogCaptureFixture
) -> None:
    embedder = Recorder(batch_size=16)
    embedder.room = 5
    texts = [chr(ord("a") + i) for i in range(16)]
    with caplog.at_level(logging.WARNING, "sqlembed.worker"):
        assert lengths(done(computer, embedder, texts), texts) == [1] * 16
    assert [record.message for record in caplog.records] == ["embedder is out of memory"] * 2
    embedder.calls.clear()
    assert lengths(done(computer, embedder, texts), texts) == [1] * 16
    assert [len(call) for call in embedder.calls] == [4, 4, 4, 4]


def test_a_text_that_never_fits_is_charged_and_others_go_on(computer: Computer) -> None:
    embedder = Recorder(batch_size=4)
    embedder.room = 8
    texts = ["a", "b", "c", "d", "much too long", "short"]
    computed = done(computer, embedder, texts)
    assert lengths(computed, texts) == [1, 1, 1, 1, None, 5]
    assert "out of memory" in computed.errors[digest("much too long")]


def test_a_long_text_is_not_kept_to_try_with(computer: Computer) -> None:
    embedder = Recorder()
    long = "x" * (SAMPLE_LENGTH + 1)
    done(computer, embedder, [long])
    embedder.error = TimeoutError()
    done(computer, embedder, ["a"])
    assert embedder.calls == [[long], ["a"]]


def test_vectors_are_those_of_the_embedder_whatever_it_returns(computer: Computer) -> None:
    registry = Registry()
    registry.embedder("lists", dimensions=2)(lambda texts: [[1, 2] for _ in texts])
    ((vector,),) = [done(computer, registry.get("lists"), ["x"]).vectors.values()]
    assert vector.dtype == np.float32 and vector.tolist() == [1, 2]


def test_what_is_said_of_an_error_can_be_stored() -> None:
    assert storable("a\0b \ud800 c") == "ab ? c"
    assert storable("x" * ERROR_LENGTH) == "x" * ERROR_LENGTH
    assert len(storable("x" * 10_000_000)) < ERROR_LENGTH + 10
