"""``recommend``: rows like those liked and unlike those disliked, and the arithmetic of vectors."""

from __future__ import annotations

import numpy as np
import pytest

from tests.sql.searching import distances, make_items, unit_vectors
from tests.writing import Connection, declare, refused, rows, run

VECTORS = unit_vectors(300, 8) * np.random.default_rng(2).uniform(0.5, 2, (300, 1)).astype("f4")

RECOMMEND = "select (base).id, distance from sqlembed.recommend(null::item, %s::jsonb[]"


def expected(liked: list[int], disliked: list[int], weight: float = 0.5) -> list[tuple[int, float]]:
    unit = VECTORS.astype(np.float64)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    taste = unit[liked].mean(axis=0)
    if disliked:
        taste = taste + weight * (taste - unit[disliked].mean(axis=0))
    found = distances(VECTORS, taste.astype(np.float32), "cosine")
    return [(i, found[i]) for i in found.argsort() if i not in {*liked, *disliked}]


def keys(*numbers: int) -> list[str]:
    return [f"[{number}]" for number in numbers]


def same(found: list[tuple[int, float]], wanted: list[tuple[int, float]]) -> bool:
    assert [row[0] for row in found] == [row[0] for row in wanted]
    assert [row[1] for row in found] == pytest.approx([row[1] for row in wanted], abs=1e-5)
    return True


def test_it_looks_around_the_mean_of_the_liked(shared: Connection) -> None:
    make_items(shared, VECTORS)

    assert same(rows(shared, RECOMMEND + ")", keys(3, 4, 5)), expected([3, 4, 5], [])[:10])
    assert same(rows(shared, RECOMMEND + ", k => 2)", keys(7, 7)), expected([7], [])[:2])


def test_it_keeps_away_from_the_disliked(shared: Connection) -> None:
    make_items(shared, VECTORS)
    both = ", %s::jsonb[], k => 20"

    found = rows(shared, RECOMMEND + both + ")", keys(3, 4), keys(8, 9))
    assert same(found, expected([3, 4], [8, 9])[:20])
    found = rows(shared, RECOMMEND + both + ", disliked_weight => 2)", keys(3, 4), keys(8, 9))
    assert same(found, expected([3, 4], [8, 9], 2)[:20])
    found = rows(shared, RECOMMEND + both + ", disliked_weight => 0)", keys(3, 4), keys(8, 9))
    assert same(found, [row for row in expected([3, 4], []) if row[0] not in (8, 9)][:20])


def test_a_filter_holds_for_what_is_recommended_and_not_for_what_is_liked(
    shared: Connection,
) -> None:
    make_items(shared, VECTORS)

    found = rows(shared, RECOMMEND + ", filter => 'item.nth > 100')", keys(3))

    assert same(found, [row for row in expected([3], []) if row[0] > 100][:10])


def test_rows_that_are_gone_or_wait_for_their_vector(shared: Connection) -> None:
    make_items(shared, VECTORS)
    run(shared, "update item set embedding = null where id in (8, 9)")

    found = rows(shared, RECOMMEND + ", %s::jsonb[], k => 3)", keys(3, 8, 999), keys(9))
    assert same(found, [row for row in expected([3], []) if row[0] not in (8, 9)][:3])
    message = refused(shared, "SE014", RECOMMEND + ")", keys(8, 999))
    assert "none of the liked rows is there with a vector" in message


def test_other_metrics_take_vectors_as_they_are(shared: Connection) -> None:
    make_items(shared, VECTORS)
    run(shared, "select sqlembed.register_embedder('eight', 8)")
    run(
        shared,
        "select sqlembed.create_embedding('item', 'eight', 'nth::text',"
        " metric => 'euclidean', index => 'none')",
    )
    mean = VECTORS[[3, 4]].astype(np.float64).mean(axis=0)
    away = mean + 0.5 * (mean - VECTORS[8])
    wanted = distances(VECTORS, away.astype(np.float32), "euclidean")

    found = rows(shared, RECOMMEND + ", %s::jsonb[], k => 5)", keys(3, 4), keys(8))

    nearest = [(i, wanted[i]) for i in wanted.argsort() if i not in (3, 4, 8)]
    assert same(found, nearest[:5])


def test_vectors_beside_their_rows_and_keys_of_several_columns(shared: Connection) -> None:
    run(shared, 'create table "r" (id text, "Day" date, title text, primary key ("Day", id))')
    declare(shared, "r", "title", place="side")
    run(
        shared,
        """insert into r values ('a', '2020-01-01', 'x'), ('"''', '2020-01-01', 'y'),
        ('a', '2020-01-02', 'z')""",
    )
    run(
        shared,
        'insert into r_embedding ("Day", id, source_hash, embedding)'
        " select r.\"Day\", r.id, r_embedding_hash(r), '[1,2,3,4,5,6,7,8]' from r",
    )

    found = rows(
        shared,
        "select (base).title from sqlembed.recommend(null::r, %s::jsonb[], %s::jsonb[])",
        ['["2020-01-01", "a"]'],
        ["""["2020-01-01", "\\"'"]"""],
    )

    assert found == [("z",)]


def test_halfvec(shared: Connection) -> None:
    make_items(shared, VECTORS, "halfvec")

    found = rows(shared, RECOMMEND + ")", keys(3, 4))

    assert [row[0] for row in found[:3]] == [row[0] for row in expected([3, 4], [])[:3]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("'item'::regclass, '{}'", "takes a table as a NULL of its row type"),
        ("'item'::text, '{}'", "takes a table as a NULL of its row type"),
        ("null::item, '{}'", "nothing is liked"),
        ("null::item, null", "nothing is liked"),
        ("null::item, array['3']::jsonb[]", "3 is not a key"),
        ("null::item, array['[3, 4]']::jsonb[]", "is not a key"),
        ("null::item, array['[3]']::jsonb[], k => 0", "k must be 1 or more"),
        ("null::item, array['[3]']::jsonb[], disliked_weight => -1", "disliked_weight"),
        ("null::item, array['[3]']::jsonb[], disliked_weight => 'NaN'", "disliked_weight"),
    ],
)
def test_what_cannot_be(shared: Connection, arguments: str, message: str) -> None:
    make_items(shared, VECTORS[:10])

    assert message in refused(shared, "SE014", f"select * from sqlembed.recommend({arguments})")


def test_a_key_is_needed(shared: Connection) -> None:
    run(shared, "create table keyless (embedding vector(2))")
    statement = "select * from sqlembed.recommend(null::keyless, array['[3]']::jsonb[])"

    assert "no primary key" in refused(shared, "SE010", statement)
