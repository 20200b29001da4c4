"""Numbers beside the vector: scaling, weights, and every function on such a model."""

from __future__ import annotations

import numpy as np
import psycopg
import pytest
from sklearn.metrics import adjusted_rand_score, davies_bouldin_score, silhouette_score

from tests.fix_database import Connection
from tests.sql.clustered import Points, blobs, distances, labels, make_points
from tests.sql.searching import literal, rows

NUMBERED = "select id, embedding, day, seconds from numbered"


@pytest.fixture
def features(connection: Connection) -> Points:
    """The table numbered, and its columns as they should be scaled."""
    random = np.random.default_rng(0)
    points, _ = blobs(400, 3, 6)
    make_points(connection, points)
    day = random.integers(1, 366, 400)
    seconds = 1.7e9 + random.normal(0, 50, 400)
    connection.execute("create table number (id integer, day smallint, seconds double precision)")
    with connection.cursor().copy("copy number from stdin") as copy:
        for row in zip(range(400), day.tolist(), seconds.tolist(), strict=True):
            copy.write_row(row)
    connection.execute("create view numbered as select * from point natural join number")
    block = points / np.sqrt(points.astype(np.float64).var(axis=0).sum())
    scaled = [(column - column.mean()) / column.std() for column in (day, seconds)]
    return np.column_stack([block, *scaled])


def fit(connection: Connection, query: str = NUMBERED, arguments: str = "") -> float:
    """Fit a model of 5 clusters under euclidean; return its loss."""
    ((loss,),) = rows(
        connection,
        f"select loss from sqlembed.create_kmeans('m', %s, 5, 'euclidean' {arguments})",
        query,
    )
    return float(loss)


def kept(connection: Connection) -> Points:
    """Return the centroids as the model compares them."""
    found = rows(
        connection,
        "select centroid::real[] from sqlembed.cluster_centroid order by centroid_id",
    )
    return np.array([row[0] for row in found], dtype=np.float32)


def assigned(connection: Connection, query: str = NUMBERED) -> list[int]:
    return [int(number) for number in labels(connection, "m", query)]


@pytest.mark.parametrize("weights", [None, [1, 1, 1], [20, 1, 0.5], [0, 1, 1]])
def test_blocks_are_scaled_and_weighted(
    connection: Connection, features: Points, weights: list[float] | None
) -> None:
    loss = fit(connection, arguments=f", weights => '{{{','.join(map(str, weights))}}}'"
               if weights else "")  # fmt: skip

    scales = np.sqrt(weights or [1, 1, 1])
    expected = features * np.repeat(scales, [6, 1, 1])
    to_centroids = distances(expected, kept(connection), "euclidean")
    assert assigned(connection) == (to_centroids.argmin(axis=1) + 1).tolist()
    assert loss == pytest.approx((to_centroids.min(axis=1) ** 2).sum(), rel=1e-4)


def test_blocks_as_they_are(connection: Connection, features: Points) -> None:
    fit(connection, arguments=", standardize => false, weights => '{9,0,1}'")

    seconds = rows(connection, "select max(seconds) - min(seconds) from number")[0][0]
    spread = np.ptp(kept(connection), axis=0)
    assert spread[-2] == 0
    assert 0.3 * seconds < spread[-1] < seconds


def test_centroids_are_unscaled(connection: Connection, features: Points) -> None:
    del features
    fit(connection)

    found = rows(
        connection,
        "select centroid::real[], numbers from sqlembed.centroids('m') order by centroid_id",
    )

    columns = rows(connection, "select embedding::real[], day, seconds from numbered order by id")
    numbers = np.array(assigned(connection))
    for number, (centroid, means) in enumerate(found, 1):
        own = [row for row, label in zip(columns, numbers, strict=True) if label == number]
        assert centroid == pytest.approx(np.mean([row[0] for row in own], axis=0), abs=0.02)
        assert means[0] == pytest.approx(np.mean([row[1] for row in own]), abs=5)
        assert means[1] == pytest.approx(np.mean([row[2] for row in own]), abs=3)


def test_every_function_takes_them(connection: Connection, features: Points) -> None:
    fit(connection)
    one = assigned(connection)

    predicted = rows(
        connection,
        "select sqlembed.predict('m', embedding, numbers => array[day, seconds]),"
        " sqlembed.predict('m', embedding::halfvec, numbers => array[day, seconds]),"
        " (select centroid_id from sqlembed.nearest_centroids("
        "  'm', embedding, k => 1, numbers => array[day, seconds]))"
        " from numbered order by id",
    )

    assert [row[0] for row in predicted] == one
    assert [row[2] for row in predicted] == one
    assert np.mean([row[1] == label for row, label in zip(predicted, one, strict=True)]) > 0.98
    assert len(rows(connection, "select * from sqlembed.cluster_examples('m', %s)", NUMBERED)) == 15
    assert len(rows(connection, "select * from sqlembed.detect_anomalies('m')")) == 400
    ((silhouette,),) = rows(connection, "select silhouette from sqlembed.evaluate('m')")
    assert 0 < silhouette < 1
    terms = "select 'day ' || (day / 100), embedding, day, seconds from numbered"
    assert rows(connection, "select * from sqlembed.cluster_terms('m', %s, config => 'simple')",
                terms)  # fmt: skip


@pytest.mark.parametrize("weights", [[1, 1, 1], [20, 1, 0.5]])
def test_evaluate_says_what_scikit_learn_says(
    connection: Connection, features: Points, weights: list[float]
) -> None:
    fit(connection, arguments=f", weights => '{{{','.join(map(str, weights))}}}'")

    ((index, silhouette),) = rows(
        connection,
        "select davies_bouldin_index, silhouette from sqlembed.evaluate('m', sample_size => null)",
    )

    weighed = features * np.repeat(np.sqrt(weights), [6, 1, 1])
    numbers = assigned(connection)
    assert index == pytest.approx(davies_bouldin_score(weighed, numbers), abs=1e-6)
    assert silhouette == pytest.approx(silhouette_score(weighed, numbers), abs=1e-6)


def test_null_counts_as_the_mean(connection: Connection, features: Points) -> None:
    del features
    fit(connection)
    ((mean,),) = rows(connection, "select avg(seconds)::text from number")
    embedding = literal(np.ones(6))

    with_null, with_mean = (
        rows(
            connection,
            f"select distance from sqlembed.nearest_centroids('m', %s::vector, 1, array[10, {x}])",
            embedding,
        )
        for x in ("null", mean)
    )
    assert with_null[0][0] == pytest.approx(with_mean[0][0], abs=1e-4)
    assert len(assigned(connection, "select id, embedding, day, null::real from numbered")) == 400


def test_what_is_the_same_in_all_rows(connection: Connection, features: Points) -> None:
    del features
    fit(connection)
    without = assigned(connection)
    rows(connection, "select sqlembed.drop_model('m')")

    query = "select id, embedding, day, seconds, 7, null::numeric from numbered"
    fit(connection, query)

    assert adjusted_rand_score(without, assigned(connection, query)) > 0.9


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("select sqlembed.predict('m', '[1,2,3,4,5,6]'::vector)", "a vector and 2 numbers, not 0"),
        ("select sqlembed.predict('m', '[1,2,3,4,5,6]'::vector, '{1}')", "2 numbers, not 1"),
        ("select sqlembed.predict('m', '[1,2,3,4,5,6,7,8]'::vector)", "of 6 dimensions, not 8"),
        ("select * from sqlembed.assign('m', 'table point')", "the query has 2 columns"),
        (
            "select * from sqlembed.assign('m', 'select 1, ''[1,2]''::vector, 3, 4')",
            "of 6 dimensions, not 2",
        ),
        (
            "select * from sqlembed.create_kmeans("
            "'n', 'select id, embedding, ''inf''::real from numbered', 2, 'euclidean')",
            "infinity or NaN",
        ),
        (
            "select * from sqlembed.create_kmeans("
            "'n', 'select id, embedding, day from numbered', 2, 'euclidean', weights => '{1}')",
            "1 weights for a vector and 1 numbers",
        ),
    ],
)
def test_refused(connection: Connection, features: Points, statement: str, message: str) -> None:
    del features
    fit(connection)

    with pytest.raises(psycopg.Error) as caught:
        rows(connection, statement)

    assert caught.value.sqlstate in ("SE014", "SE022")
    assert message in (caught.value.diag.message_primary or "")
    assert rows(connection, "select name from sqlembed.cluster_model") == [("m",)]
