"""``drift``: whether rows mean something else than others, and which of them do most."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.sql.searching import literal, make_items
from tests.writing import Connection, refused, rows, run, scalar

DRIFT = "select * from sqlembed.drift('item', 'item.id < 100', 'id >= 100'"


def made(shift: float, seed: int = 0, count: int = 180) -> NDArray[np.float32]:
    """Return random points; those from number 100 on are moved."""
    points = np.random.default_rng(seed).standard_normal((count, 5))
    points[100:, 0] += shift
    points[100:, 1] += shift / 2
    return points.astype(np.float32)


def unit(points: NDArray[np.float32]) -> NDArray[np.float64]:
    exact = points.astype(np.float64)
    return np.asarray(exact / np.linalg.norm(exact, axis=1, keepdims=True))


def mmd(points: NDArray[np.float64], count: int) -> float:
    """Return the unbiased squared MMD of the first points and the others, as Gretton has it."""
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)
    width = np.median(apart[np.triu_indices(len(points), 1)])
    kernel = np.exp(-(apart**2) / (2 * width**2))
    np.fill_diagonal(kernel, 0)
    others = len(points) - count
    return float(
        kernel[:count, :count].sum() / (count * (count - 1))
        + kernel[count:, count:].sum() / (others * (others - 1))
        - 2 * kernel[:count, count:].mean()
    )


@pytest.mark.parametrize("shift", [0, 0.5, 3])
def test_the_statistic_is_what_numpy_says(shared: Connection, shift: float) -> None:
    points = made(shift)
    make_items(shared, points)
    means = unit(points)[:100].mean(axis=0), unit(points)[100:].mean(axis=0)

    ((before, now, moved, value, p_value),) = rows(shared, DRIFT + ")")

    assert (before, now) == (100, 80)
    assert moved == pytest.approx(np.linalg.norm(means[1] - means[0]), abs=1e-6)
    assert value == pytest.approx(mmd(unit(points), 100), abs=1e-6)
    assert (p_value < 0.01) == (shift > 0)


def test_euclidean_takes_vectors_as_they_are(shared: Connection) -> None:
    points = made(1)
    make_items(shared, points)
    run(shared, "select sqlembed.register_embedder('five', 5)")
    declare = "select sqlembed.create_embedding('item', 'five', 'nth::text', metric => %s)"
    run(shared, declare, "euclidean")

    ((_, _, moved, value, _),) = rows(shared, DRIFT + ")")

    exact = points.astype(np.float64)
    difference = exact[100:].mean(axis=0) - exact[:100].mean(axis=0)
    assert moved == pytest.approx(np.linalg.norm(difference), abs=1e-5)
    assert value == pytest.approx(mmd(exact, 100), abs=1e-6)


def test_without_drift_p_values_are_even(shared: Connection) -> None:
    make_items(shared, made(0, count=200))

    found = [
        scalar(
            shared,
            "select p_value from sqlembed.drift('item', %s, %s, permutations => 99)",
            f"hashint4(id + {n}) % 2 = 0", f"hashint4(id + {n}) % 2 <> 0",
        )
        for n in range(0, 2000, 50)
    ]  # fmt: skip

    assert 0.35 < np.mean(found) < 0.65
    assert sum(p_value <= 0.05 for p_value in found) <= 6


def test_the_same_seed_gives_the_same_result(shared: Connection) -> None:
    make_items(shared, made(0.3, count=400))
    sampled = DRIFT + ", sample_size => 50, seed => %s)"

    assert rows(shared, sampled, 1) == rows(shared, sampled, 1)
    assert rows(shared, sampled, 1) != rows(shared, sampled, 2)
    run(shared, "create table other as table item order by id desc")
    run(shared, "drop table item")
    run(shared, "alter table other rename to item")
    run(shared, "alter table item add primary key (id)")
    assert len(rows(shared, sampled, 1)) == 1


def test_rows_that_moved_it_most(shared: Connection) -> None:
    points = made(1)
    make_items(shared, points, "halfvec")
    means = unit(points)[:100].mean(axis=0), unit(points)[100:].mean(axis=0)
    difference = means[1] - means[0]
    shifts = (unit(points)[100:] - means[0]) @ difference / np.linalg.norm(difference)

    found = rows(
        shared, "select * from sqlembed.drift_rows('item', 'id < 100', 'id >= 100', k => 5)"
    )

    assert [key for (key,), _ in found] == [100 + i for i in shifts.argsort()[::-1][:5]]
    assert [shift for _, shift in found] == pytest.approx(np.sort(shifts)[::-1][:5], abs=2e-3)
    assert scalar(
        shared,
        "select avg(shift) from sqlembed.drift_rows('item', 'id < 100', 'id >= 100', k => 999)",
    ) == pytest.approx(np.linalg.norm(difference), abs=2e-3)


def test_all_rows_are_the_same(shared: Connection) -> None:
    run(shared, "create table item (id int primary key, embedding vector(2))")
    same = literal(np.array([1, 0]))
    run(shared, "insert into item select n, %s from generate_series(90, 110) as n", same)

    ((_, _, moved, value, p_value),) = rows(shared, DRIFT + ")")

    assert (moved, value, p_value) == pytest.approx((0, 0, 1), abs=1e-6)
    assert (
        len(rows(shared, "select * from sqlembed.drift_rows('item', 'id < 99', 'id > 99')")) == 10
    )


@pytest.mark.parametrize(
    ("arguments", "state", "message"),
    [
        ("'item', 'id < 1', 'id >= 1'", "SE022", "there are 1 rows with a vector before and 9 now"),
        ("'item', null, 'id >= 1'", "SE015", "the filter is empty"),
        ("'item', 'true', ' '", "SE015", "the filter is empty"),
        ("'item', 'nobody', 'true'", "SE015", "nobody"),
        ("'item', 'true', 'true', sample_size => 1", "SE014", "sample_size => 1"),
        ("'item', 'true', 'true', permutations => 0", "SE014", "permutations => 0"),
        ("'item', 'true', 'true', seed => null", "SE014", "seed"),
        ("'item', 'true', 'true', embedding => 'nobody'", "SE013", "nobody"),
    ],
)
def test_what_cannot_be(shared: Connection, arguments: str, state: str, message: str) -> None:
    make_items(shared, made(0)[:10])

    assert message in refused(shared, state, f"select * from sqlembed.drift({arguments})")
