"""Writers and readers notice nothing when generations are switched."""

from __future__ import annotations

from tests.storm.switching import Switching


def test_no_query_fails_and_no_result_is_of_another_generation(url: str) -> None:
    figures = Switching(url, rows=300).run(rounds=1)
    assert figures.failed == [] and figures.wrong == []
    assert figures.switches == 3
    assert figures.reads > 50 and figures.writes > 50
