"""``outliers``: how far each row is from the centroid and from its neighbours."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.sql.searching import distances, make_items, unit_vectors
from tests.writing import Connection, refused, rows, run, scalar

VECTORS = unit_vectors(200, 6) * np.random.default_rng(2).uniform(0.5, 2, (200, 1)).astype("f4")


def expected(
    metric: str, k: int, some: NDArray[np.int64], usual: NDArray[np.int64]
) -> dict[int, tuple[float, float]]:
    vectors = VECTORS.astype(np.float64)
    if metric == "cosine":
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    centroid = vectors[usual].mean(axis=0)
    found = {}
    for i in some:
        others = vectors[usual[usual != i]]
        near = np.sort(distances(others.astype("f4"), vectors[i].astype("f4"), metric))[:k]
        far = distances(centroid[None].astype("f4"), vectors[i].astype("f4"), metric)[0]
        found[int(i)] = (far, near.mean())
    return found


def check(
    found: list[tuple[int, float, float, float]], wanted: dict[int, tuple[float, float]]
) -> None:
    assert {row[0] for row in found} == set(wanted)
    assert np.allclose([row[2:] for row in found], [wanted[row[0]] for row in found], atol=1e-5)
    ranks = np.array([row[2:] for row in found]).argsort(axis=0).argsort(axis=0) / (len(found) - 1)
    assert [row[1] for row in found] == pytest.approx(ranks.mean(axis=1), abs=0.02)
    assert [row[1] for row in found] == sorted((row[1] for row in found), reverse=True)


OUTLIERS = "select (key ->> 0)::int, score, centroid_distance, neighbour_distance"
OUTLIERS += " from sqlembed.outliers('item'"
EVERY = np.arange(200)


@pytest.mark.parametrize("metric", ["cosine", "euclidean", "l1"])
def test_distances_are_what_numpy_says(shared: Connection, metric: str) -> None:
    make_items(shared, VECTORS)
    run(shared, "select sqlembed.register_embedder('six', 6)")
    declare = "select sqlembed.create_embedding('item', 'six', 'nth::text', metric => %s)"
    run(shared, declare, metric)

    check(rows(shared, OUTLIERS + ", k => 7)"), expected(metric, 7, EVERY, EVERY))


def test_rows_are_held_against_those_that_are_as_usual(shared: Connection) -> None:
    make_items(shared, VECTORS, "halfvec")

    found = rows(shared, OUTLIERS + ", k => 3, filter => 'id < 60', baseline => 'item.id >= 40')")

    vectors = expected("cosine", 3, EVERY[:60], EVERY[40:])
    assert {row[0] for row in found} == set(vectors)
    assert np.allclose([r[2:] for r in found], [vectors[r[0]] for r in found], atol=2e-3)


def test_by_the_index_in_a_large_table(shared: Connection) -> None:
    make_items(shared, unit_vectors(5100, 3))
    run(shared, "create index on item using hnsw (embedding vector_cosine_ops)")

    by_index = rows(shared, OUTLIERS + ", k => 3) order by 1")
    exact = rows(shared, OUTLIERS + ", k => 3, mode => 'exact') order by 1")

    assert len(by_index) == 5100
    assert np.allclose([r[2] for r in by_index], [r[2] for r in exact])
    close = np.isclose([r[3] for r in by_index], [r[3] for r in exact], atol=1e-5)
    assert close.mean() > 0.98
    assert scalar(shared, "show hnsw.iterative_scan") == "off"


def test_the_strangest_comes_first(shared: Connection) -> None:
    vectors = np.ones((50, 6), dtype=np.float32) + unit_vectors(50, 6) * np.float32(0.1)
    vectors[17] *= -1
    make_items(shared, vectors)

    ((number, score, *_),) = rows(shared, OUTLIERS + ") limit 1")

    assert (number, score) == (17, 1)


def test_few_rows_and_rows_without_a_direction(shared: Connection) -> None:
    run(shared, "create table item (id int primary key, embedding vector(2))")
    assert rows(shared, OUTLIERS + ")") == []
    run(shared, "insert into item values (1, '[0,0]'), (2, null), (3, '[3,4]')")
    assert rows(shared, OUTLIERS + ")") == [(3, 0, 0, None)]
    run(shared, "insert into item values (4, '[-4,3]')")
    assert [row[3] for row in rows(shared, OUTLIERS + ")")] == pytest.approx([1, 1])


@pytest.mark.parametrize(
    ("arguments", "state", "message"),
    [
        ("'item', 0", "SE014", "k => 0"),
        ("'item', null", "SE014", "k => NULL"),
        ("'item', mode => 'text'", "SE014", "mode"),
        ("'item', filter => ''", "SE015", "the filter is empty"),
        ("'item', baseline => ''", "SE015", "the filter is empty"),
        ("'item', baseline => 'nobody'", "SE015", "nobody"),
        ("null", "SE014", "there is no table"),
    ],
)
def test_what_cannot_be(shared: Connection, arguments: str, state: str, message: str) -> None:
    make_items(shared, VECTORS[:10])

    assert message in refused(shared, state, f"select * from sqlembed.outliers({arguments})")
