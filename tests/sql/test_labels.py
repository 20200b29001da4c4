"""``classify`` and ``nearest_label``: which label a text gets, and how sure that is."""

from __future__ import annotations

import numpy as np
import pytest

from sqlembed.embedders import HashEmbedder
from tests.sql.searching import declare_articles, literal, remember
from tests.writing import Connection, refused, rows, run, scalar

HASH = HashEmbedder("hash", 64)
LABELS = ["sport", 'It\'s 50% "politics" {}', "größe"]


def cosines(text: str, labels: list[str]) -> list[float]:
    vectors = HASH.embed([text, *labels]).astype(np.float64)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return [float(value) for value in unit[1:] @ unit[0]]


@pytest.fixture
def asked(connection: Connection) -> Connection:
    """A database that knows the vectors of some texts, and has no worker."""
    declare_articles(connection)
    remember(connection, "a game", *LABELS)
    return connection


def test_classify_ranks_the_labels(asked: Connection) -> None:
    found = rows(asked, "select * from sqlembed.classify('hash', 'a game', %s)", LABELS)

    expected = dict(zip(LABELS, cosines("a game", LABELS), strict=True))
    assert {label: near for label, near, _ in found} == pytest.approx(expected, abs=1e-6)
    assert [label for label, *_ in found] == sorted(expected, key=expected.__getitem__)[::-1]
    weights = np.exp(np.array([near for _, near, _ in found]) / 0.05)
    assert [score for *_, score in found] == pytest.approx(weights / weights.sum())


def test_classify_takes_a_vector(asked: Connection) -> None:
    vector = literal(HASH.embed(["a game"])[0])
    by_vector = "select * from sqlembed.classify('hash', %s::vector, %s, temperature => 0.5)"
    by_text = "select * from sqlembed.classify('hash', 'a game', %s, temperature => 0.5)"

    assert rows(asked, by_vector, vector, LABELS) == rows(asked, by_text, LABELS)


def test_classify_by_a_sentence(asked: Connection) -> None:
    remember(asked, "about sport, sport", "about {}, {}")

    found = rows(
        asked,
        "select label, similarity from sqlembed.classify("
        "'hash', 'a game', array['sport', '{}'], template => 'about {}, {}')",
    )

    expected = cosines("a game", ["about sport, sport", "about {}, {}"])
    assert dict(found) == pytest.approx(dict(zip(["sport", "{}"], expected, strict=True)))


@pytest.mark.parametrize(
    "given", ["null::text", "' '", "null::vector", f"'[{'0,' * 63}0]'::vector"]
)
def test_nothing_is_of_no_class(asked: Connection, given: str) -> None:
    assert rows(asked, f"select * from sqlembed.classify('hash', {given}, array['sport'])") == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("null", "labels are missing"),
        ("'{}'", "labels are missing"),
        ("array['sport', ' ']", "blank"),
        ("array['sport', null]", "blank"),
        ("array['sport'], template => 'about'", "no place for the label"),
        ("array['sport'], template => null", "no place for the label"),
        ("array['sport'], temperature => 0", "temperature"),
        ("array['sport'], temperature => 'NaN'", "temperature"),
    ],
)
def test_labels_that_cannot_be(asked: Connection, arguments: str, message: str) -> None:
    for given in ("'a game'", "'[1]'::vector"):
        statement = f"select * from sqlembed.classify('hash', {given}, {arguments})"
        assert message in refused(asked, "SE014", statement)


LABEL = "It's 100% %s"


def make_labelled(connection: Connection) -> None:
    """Make the table ``point`` around the axes x and y, labels ``X`` and ``Y``."""
    run(connection, f'create table point (id int primary key, "{LABEL}" text, at vector(2))')
    for number, (label, angle) in enumerate(
        [("X", 0), ("X", 10), ("X", 20), ("Y", 60), ("Y", 80), ("Y", 90), (None, 45), (None, 5)]
    ):
        at = literal(np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))]))
        run(connection, "insert into point values (%s, %s, %s)", number, label, at)


NEAREST = "select * from sqlembed.nearest_label('point', %s::vector, %s, k => %s)"


def test_the_nearer_the_more_a_neighbour_counts(shared: Connection) -> None:
    make_labelled(shared)

    ((label, confidence, neighbours, distance),) = rows(shared, NEAREST, "[1, 0.5]", LABEL, 5)

    distances = 1 - np.cos(np.arctan(0.5) - np.radians([0, 10, 20, 60, 80]))
    weights = (distances.max() - distances) / (distances.max() - distances.min())
    assert (label, neighbours) == ("X", 3)
    assert confidence == pytest.approx(weights[:3].sum() / weights.sum(), abs=1e-5)
    assert distance == pytest.approx(distances[2], abs=1e-6)


@pytest.mark.parametrize("count", [1, 2])
def test_neighbours_that_are_equally_near(shared: Connection, count: int) -> None:
    make_labelled(shared)
    run(shared, "insert into point select 10, 'Z', at from point where id = 5")

    found = rows(shared, NEAREST, "[0, 1]", LABEL, count)

    assert found == [("Y", 1 / count, 1, 0)]


def test_a_filter_leaves_the_row_itself_out(shared: Connection) -> None:
    make_labelled(shared)
    nearest = (
        "select label, neighbours from point as p cross join lateral sqlembed.nearest_label("
        "'point', p.at, %s, k => 2, filter => format('id <> %%s', p.id)) as n"
        " where p.id < 6 order by p.id"
    )

    assert rows(shared, nearest, LABEL) == [("X", 2)] * 3 + [("Y", 2)] * 3


def test_inner_products_vote_too(shared: Connection) -> None:
    run(shared, "create table point (id int primary key, label bool, embedding vector(1))")
    run(shared, "select sqlembed.register_embedder('one', 1)")
    run(
        shared,
        "select sqlembed.create_embedding("
        "'point', 'one', 'label::text', metric => 'inner_product', index => 'none')",
    )
    run(shared, "insert into point values (1, true, '[2]'), (2, false, '[1]'), (3, false, '[0]')")

    ((label, confidence, *_),) = rows(
        shared, "select * from sqlembed.nearest_label('point', '[2]'::vector, 'label')"
    )

    assert label == "true"
    assert confidence == pytest.approx(1 / (1 + 0.5 + 0))


def test_texts_are_embedded_as_the_rows_are(connection: Connection) -> None:
    declare_articles(connection, "a game", "a match", "a vote")
    remember(connection, "a game", "a match of chess")
    nearest = "select label, neighbours from sqlembed.nearest_label('article', %s, 'title', k => 1)"

    assert rows(connection, nearest, "a game") == [("a game", 1)]
    assert len(rows(connection, nearest, "a match of chess")) == 1
    assert rows(connection, nearest, " ") == []
    assert rows(connection, nearest, None) == []


def test_nobody_has_a_label(shared: Connection) -> None:
    make_labelled(shared)
    run(shared, f'update point set "{LABEL}" = null')

    assert rows(shared, NEAREST, "[1, 0]", LABEL, 3) == []


def test_labels_in_a_view(shared: Connection) -> None:
    make_labelled(shared)
    run(shared, "create view labelled as select at, id from point")

    assert (
        scalar(
            shared, "select label from sqlembed.nearest_label('labelled', '[1,0]'::vector, 'id')"
        )
        == "0"
    )


@pytest.mark.parametrize(
    ("arguments", "state", "message"),
    [
        ("'point', '[1,0]'::vector, 'nobody'", "SE014", "has no column nobody"),
        ("'point', '[1,0]'::vector, null", "SE014", "has no column NULL"),
        ("null, '[1,0]'::vector, 'id'", "SE014", "NULL has no column"),
        ("'point', '[1,0]'::vector, 'id', k => 0", "SE014", "k must be 1 or more"),
        ("'point', '[1,0]'::vector, 'id', filter => ' '", "SE015", "the filter is empty"),
        ("'point', '[1,0]'::vector, 'id', filter => 'nobody'", "SE015", "nobody"),
        ("'point', '[1,0,0]'::vector, 'id'", "SE014", "3 dimensions"),
        ("'point', 'a text', 'id'", "SE013", "has no embedding"),
    ],
)
def test_what_cannot_be(shared: Connection, arguments: str, state: str, message: str) -> None:
    make_labelled(shared)

    assert message in refused(shared, state, f"select * from sqlembed.nearest_label({arguments})")
