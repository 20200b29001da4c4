"""Rests: longer each time, never all at once, over at the first success."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlembed.worker import rests
from sqlembed.worker.rests import Cause, Rests, said_of


def pauses(made: Rests, cause: Cause, count: int) -> list[float]:
    return [round(made.begin("e", cause).remaining.total_seconds()) for _ in range(count)]


def test_a_pause_is_twice_as_long_each_time_up_to_a_limit() -> None:
    made = Rests(lambda: 0.0)
    assert pauses(made, Cause("down"), 11) == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    made.end("e")
    assert made.of("e") is None
    assert pauses(made, Cause("down"), 1) == [1]


def test_what_takes_a_person_is_tried_seldom() -> None:
    assert pauses(Rests(lambda: 0.0), Cause("no key", is_refused=True), 5) == [
        30,
        60,
        120,
        240,
        300,
    ]


def test_what_an_embedder_asks_for_is_kept_to() -> None:
    made = Rests(lambda: 0.0)
    minute = timedelta(minutes=1)
    # A function of the user's knows best; a server may ask for less than what helps.
    assert pauses(made, Cause("quota", minute, decides=True), 3) == [60, 60, 60]
    assert pauses(made, Cause("limit", timedelta(0)), 2) == [8, 16]
    assert pauses(made, Cause("limit", minute), 2) == [60, 64]


@given(
    chance=st.floats(0, 1),
    failures=st.integers(0, 40),
    asked=st.none() | st.timedeltas(timedelta(0), timedelta(hours=1)),
)
def test_no_pause_is_shorter_than_asked_or_endless(
    chance: float, failures: int, asked: timedelta | None
) -> None:
    made = Rests(lambda: chance)
    for _ in range(failures):
        made.begin("e", Cause("down"))
    pause = made.begin("e", Cause("down", asked)).remaining
    slack = timedelta(seconds=0.5)
    assert pause >= max(asked or rests.FIRST, rests.FIRST) - slack
    assert pause <= max((asked or rests.LIMIT) * 1.1, rests.LIMIT * 1.5)


def test_each_embedder_rests_by_itself() -> None:
    made = Rests()
    made.begin("a", Cause("no route"))
    assert (made.resting, made.is_well("a"), made.is_well("b")) == (["a"], False, True)
    rest = made.of("a")
    assert rest is not None and said_of(rest).startswith("no route (it is tried again in ")
    made.begin("b", Cause("over at once", timedelta(0), decides=True))
    assert made.resting == ["a"]


def test_the_log_says_an_outage_once(caplog: pytest.LogCaptureFixture) -> None:
    made = Rests()
    with caplog.at_level(logging.INFO, "sqlembed.worker"):
        for _ in range(5):
            made.begin("a", Cause("no route"))
        made.begin("a", Cause("no key"))
        made.end("a")
        made.end("a")
    assert [record.message for record in caplog.records] == [
        "embedder is down",
        "embedder is down",
        "embedder is back",
    ]
