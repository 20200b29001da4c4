"""``sqlembed.uses``: the SQL functions from Python, with whatever SQLAlchemy hands over."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from sqlembed import uses
from tests.fix_database import Connection
from tests.sql.searching import declare_articles, remember


@pytest.fixture
def articles(connection: Connection, engine: sa.Engine) -> sa.Engine:
    """The table article, whose texts are in the cache; two of its rows are the same."""
    texts = ("a game", "a vote", "a game", "a match", "an election")
    declare_articles(connection, *texts)
    remember(connection, *texts, "sport", "politics")
    return engine


def test_labels(articles: sa.Engine) -> None:
    with articles.connect() as connection:
        found = uses.classify(connection, "hash", "a game", ["sport", "politics"], temperature=1)
        nearest = uses.nearest_label(connection, "article", "a game", "title", k=2)
        nothing = uses.nearest_label(connection, "article", " ", "title")

    assert {one.label for one in found} == {"sport", "politics"}
    assert sum(one.score for one in found) == pytest.approx(1)
    assert found[0].similarity >= found[1].similarity
    assert nearest is not None
    assert (nearest.label, nearest.confidence, nearest.neighbours) == ("a game", 1, 2)
    assert nothing is None


def test_duplicates(articles: sa.Engine) -> None:
    with articles.connect() as connection:
        (group,) = uses.duplicates(connection, "article", threshold=0.99, filter="id < 5")
        none = uses.duplicates(connection, "article", threshold=0.99, within="id", mode="exact")

    assert group.representative == (1,)
    assert [row.key for row in group.rows] == [(1,), (3,)]
    assert [row.similarity for row in group.rows] == pytest.approx([1, 1])
    assert none == []


def test_outliers_and_drift(articles: sa.Engine) -> None:
    with articles.connect() as connection:
        found = uses.outliers(connection, "article", k=1, filter="id > 1")
        changed = uses.drift(connection, "article", "id < 3", "id >= 3", permutations=9, seed=1)

    assert {one.key for one in found} == {(2,), (3,), (4,), (5,)}
    assert all(one.neighbour_distance and one.centroid_distance > 0 for one in found)
    assert (changed.baseline_rows, changed.current_rows) == (2, 3)
    assert 0.1 <= changed.p_value <= 1
    assert changed.centroid_shift > 0


def test_a_projection(articles: sa.Engine) -> None:
    with articles.connect() as connection:
        found = uses.project(connection, "article", filter="id > 1")

    assert list(found) == [(2,), (3,), (4,), (5,)]
    assert {len(coordinates) for coordinates in found.values()} == {2}
