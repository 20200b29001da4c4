"""nDCG, recall and reciprocal rank against values computed by hand and by trec_eval."""

from __future__ import annotations

import math

import pytest

from sqlembed.evaluation import Measures, mean_measures

GRADES = {"best": 3, "good": 2, "fair": 1, "poor": 0, "spam": -1}


def measured(*ranking: str) -> Measures:
    return mean_measures({"q": GRADES}, {"q": ranking})


def test_in_the_best_order() -> None:
    assert measured("best", "good", "fair", "poor", "spam") == Measures(1, 1, 1)


def test_by_hand() -> None:
    found = measured("unseen", "spam", "good", "best")

    ideal = 3 + 2 / math.log2(3) + 1 / 2
    assert found.ndcg == pytest.approx((2 / 2 + 3 / math.log2(5)) / ideal)
    assert found.recall == pytest.approx(2 / 3)
    assert found.mrr == pytest.approx(1 / 3)


def test_as_trec_eval_says() -> None:
    """What pytrec_eval printed for this ranking."""
    grades = {"d1": 2, "d2": 1, "d3": -1, "d4": 3}
    found = mean_measures({"b": grades}, {"b": ["d9", "d3", "d2", "d1"]})

    assert found.ndcg == pytest.approx(0.28588687131670315)
    assert found.recall == pytest.approx(0.6666666666666666)
    assert found.mrr == pytest.approx(0.3333333333333333)


def test_ndcg_looks_at_ten_rows() -> None:
    ranking = [f"other {n}" for n in range(10)] + ["best"]
    found = measured(*ranking)

    assert found.ndcg == 0
    assert found.mrr == pytest.approx(1 / 11)
    many = {"q": {str(n): 1 for n in range(20)}}
    assert mean_measures(many, {"q": [str(n) for n in range(10)]}).ndcg == pytest.approx(1)


def test_means_over_queries() -> None:
    judged = {"a": {"x": 1}, "b": {"y": 1}, "c": {"z": 0}, "d": {"unasked": 1}}
    found = mean_measures(judged, {"a": ["x"], "b": [], "c": ["z"]})

    assert (found.ndcg, found.recall, found.mrr) == pytest.approx((1 / 3, 1 / 3, 1 / 3))
