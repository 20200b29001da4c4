"""``create_kmeans``: which queries and arguments it takes, and what it says of the others."""

from __future__ import annotations

import psycopg
import pytest

from tests.fix_database import Connection
from tests.sql.clustered import QUERY, blobs, centroids, fit, labels, make_points
from tests.sql.searching import rows


@pytest.mark.parametrize(
    "query",
    [
        QUERY + ";",
        QUERY + " -- all of them",
        QUERY + " ; -- all; of them\n /* really; all */ ;\n",
        "table point",
        "with p as (select * from point) select id, embedding from p",
        "select id, embedding from point order by id limit 100",
        "select id::text || '; -- no comment', embedding from point where '; --' = '; --'",
        "select md5(id::text)::uuid, embedding from point",
        "select (id, 'Größe'), embedding from point",
        "select null::jsonb, embedding from point",
        "select 'the same', embedding from point",
        "select id, embedding::halfvec(6) from point",
    ],
)
def test_queries(connection: Connection, query: str) -> None:
    points, _ = blobs(100, 3, 6)
    make_points(connection, points)

    _, num_clusters, _, _ = fit(connection, query=query, num_clusters=3)

    assert num_clusters == 3
    sizes = rows(
        connection, "select sum(cluster_size), min(cluster_size) > 0 from sqlembed.centroids('m')"
    )
    assert sizes == [(100, True)]


@pytest.mark.parametrize(
    "name", ["Größe", "a \"quoted\" 'name'", "模型; drop table point", "a" * 300]
)
def test_names(connection: Connection, name: str) -> None:
    points, _ = blobs(100, 2, 6)
    make_points(connection, points)
    connection.execute('create table "Größe; ""x""" as select * from point')

    made = fit(connection, name, 'select id, embedding from "Größe; ""x"""', 2)

    assert made[:2] == (name, 2)
    assert len(centroids(connection, name)) == 2
    assert set(labels(connection, name)) == {1, 2}
    rows(connection, "select sqlembed.drop_model(%s)", name)
    assert rows(connection, "select * from sqlembed.cluster_centroid") == []


@pytest.mark.parametrize(
    ("query", "state", "message", "hint"),
    [
        (None, "SE014", "query => NULL", "select id, embedding from article"),
        ("", "SE014", "not valid", "select id, embedding from article"),
        ("select id, embedding frm point", "SE014", "syntax error", "SELECT of an id and a vector"),
        ("select id, embedding from nowhere", "SE014", '"nowhere" does not exist', "SELECT"),
        ("select id, embeding from point", "SE014", '"embeding" does not exist', "SELECT"),
        ("delete from point", "SE014", "syntax error", "SELECT"),
        ("select 1; select 2", "SE014", "syntax error", "SELECT"),
        ("select $1::int, embedding from point", "SE014", "no parameter $1", "SELECT"),
        ("select embedding from point", "SE014", "1 columns available", "id and a vector"),
        ("select id, embedding, 1 from point", "SE014", "no angle", "euclidean"),
        ("select id, embedding, 1, 'a' from point", "SE014", "column 4", "ones are numbers"),
        ("select id, id from point", "SE014", "integer, not a vector", "column::vector"),
        ("select id, embedding::real[] from point", "SE014", "real[], not a", "column::vector"),
        ("select id, embedding from point where false", "SE022", "no rows", "by itself"),
        ("select id, null::vector from point", "SE022", "NULL", "sqlembed.status"),
        ("select 1, '[0,0]'::vector", "SE022", "no direction", "euclidean"),
        (
            "select 1, '[1,2]'::vector union all select 2, '[1,2,3]'",
            "SE022", "from 2 to 3 dimensions", "vector_dims(embedding) = 3",
        ),
        (
            "select i, '[1,2]'::vector from generate_series(1, 50) as i",
            "SE022", "only 1 different vectors for 4", "num_clusters => 1",
        ),
    ],
)  # fmt: skip
def test_refused_queries(
    connection: Connection, query: str | None, state: str, message: str, hint: str
) -> None:
    points, _ = blobs(20, 2, 6)
    make_points(connection, points)

    with pytest.raises(psycopg.Error) as caught:
        rows(connection, "select sqlembed.create_kmeans('m', %s, 4)", query)

    assert caught.value.sqlstate == state
    assert message in (caught.value.diag.message_primary or "")
    assert hint in (caught.value.diag.message_hint or "")
    assert rows(connection, "select * from sqlembed.cluster_model") == []
    assert rows(connection, "select count(*) from point") == [(20,)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("name => ''", "a model needs a name"),
        ("name => null", "a model needs a name"),
        ("name => 'm', num_clusters => 0", "num_clusters => 0 is not between 1 and 10000"),
        ("name => 'm', num_clusters => 10001", "num_clusters => 10001 is not between"),
        ("name => 'm', max_iterations => 0", "max_iterations => 0 is less than 1"),
        ("name => 'm', max_iterations => null", "max_iterations => NULL"),
        ("name => 'm', min_rel_progress => -0.1", "min_rel_progress => -0.1"),
        ("name => 'm', min_rel_progress => 'NaN'", "min_rel_progress => NaN"),
        ("name => 'm', min_rel_progress => null", "min_rel_progress => NULL"),
        ("name => 'm', seed => null", "seed => NULL"),
        ("name => 'm', metric => 'l1'", "'l1' is not known"),
        ("name => 'm', choose_by => 'elbow'", "'elbow' is not known"),
        ("name => 'm', candidates => '{}'", "nothing to choose from"),
        ("name => 'm', candidates => '{3,0}'", "not numbers from 1 to 1000"),
        ("name => 'm', weights => '{1,1}'", "2 weights for a vector and 0 numbers"),
        ("name => 'm', weights => '{-1}'", "not numbers from 0"),
        ("name => 'm', weights => '{0}'", "of which one is greater"),
        ("name => 'm', weights => '{NaN}'", "of which one is greater"),
        ("name => 'm', metric => null", "NULL is not known"),
    ],
)
def test_refused_arguments(connection: Connection, arguments: str, message: str) -> None:
    points, _ = blobs(20, 2, 6)
    make_points(connection, points)

    with pytest.raises(psycopg.Error) as caught:
        rows(connection, f"select sqlembed.create_kmeans(query => 'table point', {arguments})")

    assert caught.value.sqlstate == "SE014"
    assert message in (caught.value.diag.message_primary or "")
    assert caught.value.diag.message_hint
    assert rows(connection, "select * from sqlembed.cluster_model") == []


def test_a_name_is_given_once(connection: Connection) -> None:
    points, _ = blobs(50, 3, 6)
    make_points(connection, points)
    fit(connection, num_clusters=2)

    with pytest.raises(psycopg.Error) as caught:
        fit(connection, num_clusters=3)

    assert caught.value.sqlstate == "SE021"
    assert caught.value.diag.message_hint == (
        "To fit it anew: select sqlembed.refit_kmeans('m')."
        " To have another: select sqlembed.drop_model('m')."
    )
    assert len(centroids(connection)) == 2
    rows(connection, "select sqlembed.drop_model('m')")
    assert fit(connection, num_clusters=3)[1] == 3


def test_rows_without_vector_or_direction_are_left_out(connection: Connection) -> None:
    points, _ = blobs(100, 2, 6)
    make_points(connection, points)
    connection.execute("insert into point values (100, null), (101, '[0,0,0,0,0,0]')")

    loss = fit(connection, "cosine", num_clusters=2)[3]
    fit(connection, "euclidean", num_clusters=2, metric="euclidean")

    assert 0 < loss < 100
    sizes = "select sum(cluster_size) from sqlembed.centroids(%s)"
    assert rows(connection, sizes, "cosine") == [(100,)]
    assert rows(connection, sizes, "euclidean") == [(101,)]


@pytest.mark.parametrize("scale", [1e-40, 1e-30, 1e30])
def test_cosine_takes_vectors_of_any_length(connection: Connection, scale: float) -> None:
    points, _ = blobs(60, 3, 6)
    make_points(connection, points)
    fit(connection, "plain", num_clusters=3)
    scaled = f"select id, (embedding * array_fill({scale}::real, array[6])::vector) from point"

    _, _, _, loss = fit(connection, "scaled", scaled, 3)

    assert 0 < loss < 1
    sizes = "select array_agg(cluster_size order by cluster_size) from sqlembed.centroids(%s)"
    assert rows(connection, sizes, "scaled") == rows(connection, sizes, "plain")


def test_euclidean_distances_must_be_finite(connection: Connection) -> None:
    with pytest.raises(psycopg.Error) as caught:
        fit(connection, query="values (1, '[1e30]'::vector), (2, '[-1e30]')", metric="euclidean")

    assert caught.value.sqlstate == "SE022"
    assert "cosine" in (caught.value.diag.message_hint or "")


def test_default_number_shrinks_to_the_different_vectors(connection: Connection) -> None:
    query = "select i, ('[1,' || i % 3 || ']')::vector from generate_series(1, 200) as i"

    name, num_clusters, _, loss = fit(connection, query=query)

    assert (name, num_clusters) == ("m", 3)
    assert loss == pytest.approx(0, abs=1e-4)


def test_a_query_that_gives_other_rows_each_time(connection: Connection) -> None:
    connection.execute("create sequence calls")
    query = "select 1, '[1,2]'::vector where nextval('calls') = 1"

    with pytest.raises(psycopg.Error) as caught:
        fit(connection, query=query)

    assert caught.value.sqlstate == "SE022"
    assert "several times" in (caught.value.diag.message_hint or "")
