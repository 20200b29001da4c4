"""Which of the options to choose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlembed.advice.options import Measured, Option

#: What nobody notices beside embedding the query.
FAST_ENOUGH_MS = 5.0

#: A smaller index may be so much slower than the fastest.
SLOWER = 3.0


@dataclass(frozen=True)
class Choice:
    """What to choose, and why."""

    option: Option
    reason: str


def recommend(measured: Sequence[Measured], wanted_recall: float, growth: float) -> Choice:
    """Choose an option.

    Args:
        measured: what was tried, the one without an index first.
        wanted_recall: what an index must reach.
        growth: how many times as many rows the table has as the sample.
    """
    exact, *indexed = measured
    milliseconds = exact.milliseconds * growth
    if milliseconds <= FAST_ENOUGH_MS:
        return Choice(
            exact.option,
            f"no index is needed: comparing every row takes {milliseconds:.1f} ms and misses none",
        )
    good = [one for one in indexed if one.recall >= wanted_recall]
    if not good:
        best = max(indexed, key=lambda one: one.recall)
        return Choice(
            best.option,
            f"no index finds {wanted_recall:.2f} of the nearest rows; this one comes closest",
        )
    fastest = min(one.milliseconds for one in good)
    if milliseconds <= fastest:
        return Choice(exact.option, "no index is faster than comparing every row")
    quick = [one for one in good if one.milliseconds <= SLOWER * fastest]
    chosen = min(quick, key=lambda one: (one.size, one.milliseconds))
    return Choice(
        chosen.option,
        f"the smallest of those that find {wanted_recall:.2f} of the nearest rows or more and take"
        f" no more than {SLOWER:g} times as long as the fastest",
    )
