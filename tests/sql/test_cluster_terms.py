"""``cluster_terms``: the words that tell a cluster from the others."""

from __future__ import annotations

from collections.abc import Iterator
from math import log

import pytest

from tests.writing import Connection, refused, rows, run

TEXTS = {
    "[1,0]": [
        "The house was flooded",
        "Houses are flooded; a house, the HOUSES",
        "Floods by rivers",
    ],
    "[0,1]": ["Hail and rain", "hail, hail", "Wind-blown rain at http://hail.example 3 times"],
}


@pytest.fixture
def clustered(shared: Connection) -> Iterator[Connection]:
    run(shared, "create table report (id serial primary key, body text, embedding vector(2))")
    for vector, texts in TEXTS.items():
        for text in texts:
            run(shared, "insert into report (body, embedding) values (%s, %s)", text, vector)
    run(shared, "insert into report (body, embedding) values (null, '[0,1]'), ('nothing', null)")
    run(
        shared,
        "select sqlembed.create_kmeans('reports', 'select id, embedding from report', 2)",
    )
    yield shared
    run(shared, "select sqlembed.drop_model('reports')")


TERMS = "select * from sqlembed.cluster_terms('reports', 'select body, embedding from report'"


def by_first_term(found: list[tuple[int, str, float]]) -> dict[str, list[tuple[str, float]]]:
    clusters: dict[int, list[tuple[str, float]]] = {}
    for number, term, weight in found:
        clusters.setdefault(number, []).append((term, weight))
    return {terms[0][0]: terms for terms in clusters.values()}


def test_terms_are_weighed_by_class_based_tf_idf(clustered: Connection) -> None:
    found = by_first_term(rows(clustered, TERMS + ", config => 'english')"))

    assert set(found) == {"house", "hail"}
    # house 4, flood 3, river 1; hail 3, rain 2, wind 1, blown 1, time 1
    average = (8 + 8) / 2
    assert dict(found["house"]) == pytest.approx(
        {
            "house": 4 / 8 * log(1 + average / 4),
            "flooded": 3 / 8 * log(1 + average / 3),
            "rivers": 1 / 8 * log(1 + average / 1),
        }
    )
    assert [term for term, _ in found["hail"]] == ["hail", "rain", "blown", "times", "wind"]


def test_as_many_as_wanted(clustered: Connection) -> None:
    found = by_first_term(rows(clustered, TERMS + ", terms => 1, config => 'english')"))

    assert [len(terms) for terms in found.values()] == [1, 1]
    assert rows(clustered, TERMS + ", terms => 0)") == []


def test_the_sessions_language_is_taken(clustered: Connection) -> None:
    run(clustered, "set default_text_search_config = 'simple'")

    words = {term for _, term, _ in rows(clustered, TERMS + ", terms => 100)")}

    assert {"the", "house", "houses"} <= words
    run(clustered, "set default_text_search_config = 'english'")
    assert "the" not in {term for _, term, _ in rows(clustered, TERMS + ", terms => 100)")}


def test_what_cannot_be(clustered: Connection) -> None:
    assert "nobody" in refused(
        clustered,
        "SE020",
        "select * from sqlembed.cluster_terms('nobody', 'select body, embedding from report')",
    )
    assert "of type text, not a vector" in refused(
        clustered, "SE014", "select * from sqlembed.cluster_terms('reports', 'table report')"
    )
    assert "2 dimensions, not 3" in refused(
        clustered,
        "SE014",
        "select * from sqlembed.cluster_terms('reports', 'values (''a'', ''[1,2,3]''::vector)')",
    )
