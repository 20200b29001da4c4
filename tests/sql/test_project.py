"""``project``: coordinates along the directions in which the vectors of a table differ most."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from tests.sql.searching import make_items
from tests.writing import Connection, refused, rows, run

Points = NDArray[np.float64]


def made(count: int = 300, dimensions: int = 8) -> NDArray[np.float32]:
    """Return points that differ most in the first dimensions, around a place of their own."""
    spread = 3.0 * 0.7 ** np.arange(dimensions)
    points = np.random.default_rng(0).standard_normal((count, dimensions)) * spread + 2
    return points.astype(np.float32)


def unit(points: NDArray[np.float32]) -> Points:
    exact = points.astype(np.float64)
    return np.asarray(exact / np.linalg.norm(exact, axis=1, keepdims=True))


def projected(connection: Connection, arguments: str = "") -> Points:
    found = rows(
        connection,
        f"select coordinates from sqlembed.project('item'{arguments}) order by (key ->> 0)::int",
    )
    return np.array([coordinates for (coordinates,) in found])


def aligned(found: Points, wanted: Points) -> Points:
    """Return ``found`` with the signs of ``wanted``: the two ends of a direction are equal."""
    return np.asarray(found * np.sign((found * wanted).sum(axis=0)))


@pytest.mark.parametrize("dimensions", [1, 2, 5])
def test_it_is_what_scikit_learn_finds(shared: Connection, dimensions: int) -> None:
    points = made()
    make_items(shared, points)
    wanted = PCA(dimensions).fit_transform(unit(points))

    found = projected(shared, f", {dimensions}")

    assert found.shape == (300, dimensions)
    assert aligned(found, wanted) == pytest.approx(wanted, abs=1e-4)


def test_euclidean_takes_vectors_as_they_are(shared: Connection) -> None:
    points = made()
    make_items(shared, points)
    run(shared, "select sqlembed.register_embedder('eight', 8)")
    declare = "select sqlembed.create_embedding('item', 'eight', 'nth::text', metric => %s)"
    run(shared, declare, "euclidean")
    wanted = PCA(2).fit_transform(points.astype(np.float64))

    found = projected(shared)

    assert aligned(found, wanted) == pytest.approx(wanted, abs=1e-3)


def test_a_sample_decides_and_the_seed_decides_which(shared: Connection) -> None:
    points = made()
    make_items(shared, points)
    wanted = PCA(2).fit(unit(points)).explained_variance_.sum()

    found = projected(shared, ", sample_size => 100, seed => 7")

    assert (found == projected(shared, ", sample_size => 100, seed => 7")).all()
    assert (found != projected(shared, ", sample_size => 100, seed => 8")).any()
    assert found.var(axis=0, ddof=1).sum() == pytest.approx(wanted, rel=0.05)


def test_a_filter_leaves_rows_out_of_both(shared: Connection) -> None:
    points = made()
    make_items(shared, points)
    wanted = PCA(2).fit_transform(unit(points[:50]))

    found = projected(shared, ", filter => 'item.id < 50 -- the first'")

    assert aligned(found, wanted) == pytest.approx(wanted, abs=1e-4)


def test_rows_that_do_not_differ_stand_in_one_place(shared: Connection) -> None:
    make_items(shared, np.ones((5, 3), dtype=np.float32))

    assert projected(shared) == pytest.approx(np.zeros((5, 2)), abs=1e-6)


def test_directions_that_there_are_not_are_zero(shared: Connection) -> None:
    make_items(shared, np.array([[1, 0, 0], [0, 1, 0], [1, 1, 0]], dtype=np.float32))

    found = projected(shared, ", 3")

    assert (found[:, 0] != 0).any()
    assert found[:, 2] == pytest.approx(np.zeros(3), abs=1e-3)


def test_vectors_without_direction_and_null_ones_are_left_out(shared: Connection) -> None:
    make_items(shared, np.array([[0, 0], [1, 0], [0, 1], [1, 1]], dtype=np.float32))
    run(shared, "update item set embedding = null where id = 3")

    found = rows(shared, "select key from sqlembed.project('item') order by key")

    assert [key for (key,) in found] == [[1], [2]]


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        ("'item', 0", "SE014", "dimensions => 0"),
        ("'item', null", "SE014", "dimensions => NULL"),
        ("'item', sample_size => 1", "SE014", "sample_size => 1"),
        ("'item', seed => null", "SE014", "seed => NULL"),
        ("'item', filter => ' '", "SE015", "filter is empty"),
        ("'item', filter => 'nothing > 1'", "SE015", "nothing"),
        ("'item', filter => 'id = 1'", "SE022", "1 rows with a vector"),
        ("'item', embedding => 'other'", "SE013", "other"),
        ("null", "SE014", "no table NULL"),
    ],
)
def test_what_cannot_be_is_refused(
    shared: Connection, arguments: str, code: str, text: str
) -> None:
    make_items(shared, made(10))

    assert text in refused(shared, code, f"select * from sqlembed.project({arguments})")
