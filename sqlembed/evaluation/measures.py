"""nDCG, recall and reciprocal rank as trec_eval defines them, with the grade itself as gain."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

#: nDCG looks at so many rows.
CUT = 10


@dataclass(frozen=True)
class Measures:
    """Means over queries, from 0 to 1."""

    #: nDCG of the first ten rows: how much is relevant, and whether the best stands first.
    ndcg: float
    #: The share of the relevant rows that were found at all.
    recall: float
    #: One over the place of the first relevant row; 0 where none was found.
    mrr: float


def mean_measures(
    judged: Mapping[str, Mapping[str, int]], found: Mapping[str, Sequence[str]]
) -> Measures:
    """Measure rankings against judgements.

    Args:
        judged: of each query, the grade of each document; relevant is what is above 0.
        found: of each query, what the search gave, best first.
    """
    each = [_measured(judged[query], ranking) for query, ranking in found.items()]
    ndcg, recall, mrr = (math.fsum(values) / len(each) for values in zip(*each, strict=True))
    return Measures(ndcg, recall, mrr)


def _measured(grades: Mapping[str, int], ranking: Sequence[str]) -> tuple[float, float, float]:
    relevant = sorted((grade for grade in grades.values() if grade > 0), reverse=True)
    if not relevant:
        return 0.0, 0.0, 0.0
    gains = [max(grades.get(document, 0), 0) for document in ranking]
    places = [place for place, gain in enumerate(gains, start=1) if gain]
    return (
        _discounted(gains[:CUT]) / _discounted(relevant[:CUT]),
        len(places) / len(relevant),
        1 / places[0] if places else 0.0,
    )


def _discounted(gains: Iterable[int]) -> float:
    return math.fsum(gain / math.log2(place + 1) for place, gain in enumerate(gains, start=1))
