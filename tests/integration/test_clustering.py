"""``sqlembed.clustering``: the SQL functions from Python, with whatever SQLAlchemy hands over."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from sqlembed import clustering
from tests.fix_database import Connection
from tests.fix_worker import StartWorker
from tests.sql.clustered import QUERY, blobs, labels, make_points
from tests.writing import hash_registry, register


@pytest.fixture
def truth(connection: Connection) -> list[int]:
    """The table point of three blobs; returns their sizes in order."""
    points, truth = blobs(300, 3, 6)
    make_points(connection, points)
    return sorted(np.bincount(truth).tolist())


def test_models_are_made_used_and_dropped(
    engine: sa.Engine, connection: Connection, truth: list[int]
) -> None:
    with engine.begin() as session:
        made = clustering.create_kmeans(session, "größe", QUERY, num_clusters=3, seed=7)
        found = clustering.centroids(session, "größe")
        assigned = clustering.assign(session, "größe", QUERY)
        first = clustering.predict(session, "größe", found[0].centroid or ())
        nowhere = clustering.predict(session, "größe", np.zeros(6))

    assert (made.name, made.num_clusters) == ("größe", 3)
    assert 0 < made.loss < 300
    assert made.iterations >= 1
    assert [c.centroid_id for c in found] == [1, 2, 3]
    assert sorted(c.cluster_size for c in found) == truth
    for c in found:
        assert c.cluster_radius and c.centroid
        assert np.linalg.norm(c.centroid) == pytest.approx(1)
    assert dict(assigned) == {
        str(id): number for id, number in enumerate(labels(connection, "größe"))
    }
    assert (first, nowhere) == (1, None)

    with engine.begin() as session:
        clustering.drop_model(session, "größe")
        with pytest.raises(DBAPIError) as caught:
            clustering.centroids(session, "größe")
    assert isinstance(caught.value.orig, psycopg.Error)
    assert caught.value.orig.sqlstate == "SE020"


@pytest.mark.usefixtures("truth")
def test_nothing_is_committed(engine: sa.Engine) -> None:
    with engine.connect() as session:
        clustering.create_kmeans(session, "m", QUERY, num_clusters=2, metric="euclidean")
        session.rollback()

        with pytest.raises(DBAPIError):
            clustering.drop_model(session, "m")


def test_clusters_are_described_by_their_rows(engine: sa.Engine, truth: list[int]) -> None:
    with engine.begin() as session:
        clustering.create_kmeans(session, "m", QUERY, num_clusters=3)

        found = clustering.describe_clusters(
            session, "m", "select 'row ' || id, embedding from point", examples=4
        )

    assert sorted(c.centroid.cluster_size for c in found) == truth
    for cluster in found:
        assert len({example.id for example in cluster.examples}) == 4
        assert all(example.id.startswith("row ") for example in cluster.examples)
        near = [example.distance for example in cluster.examples]
        assert near == sorted(near)
        assert 0 <= near[0] < 0.05


@pytest.mark.usefixtures("truth")
def test_a_percent_sign_and_a_colon_are_only_text(engine: sa.Engine) -> None:
    query = "select id, embedding from point where id % 2 = 0 and ':id' <> '%s'"

    with engine.begin() as session:
        clustering.create_kmeans(session, "m", query, num_clusters=2)

        assert len(clustering.assign(session, "m", query)) == 150


def test_models_are_judged_and_refitted(engine: sa.Engine, truth: list[int]) -> None:
    with engine.begin() as session:
        made = clustering.create_kmeans(session, "m", QUERY, metric="euclidean", weights=[2])
        quality = clustering.evaluate(session, "m", sample_size=None)
        found = clustering.detect_anomalies(session, "m", contamination=0.1)
        again = clustering.refit_kmeans(session, "m", num_clusters=4)

    assert 2 <= made.num_clusters <= 24
    assert quality.silhouette is not None
    assert quality.davies_bouldin_index is not None
    assert 0 < quality.silhouette < 1
    assert quality.mean_squared_distance == pytest.approx(made.loss / sum(truth))
    assert sum(bool(row.is_anomaly) for row in found) == 30
    assert again.num_clusters == 4


def test_numbers_beside_the_vector(engine: sa.Engine, truth: list[int]) -> None:
    query = "select id, embedding, id % 2 from point"

    with engine.begin() as session:
        made = clustering.create_kmeans(
            session, "m", query, metric="euclidean", weights=[0, 1], candidates=[2]
        )
        found = clustering.centroids(session, "m")
        even = clustering.predict(session, "m", np.ones(6), [0])
        near = clustering.nearest_centroids(session, "m", np.ones(6), [0], k=1)
        both = clustering.nearest_centroids(session, "m", np.ones(6), [None])
        losses = clustering.training_info(session, "m")

    assert made.num_clusters == 2
    assert sorted(c.numbers for c in found) == [(0,), (1,)]
    assert [c.centroid for c in found] == [None, None]
    assert near == [(even, 0)]
    assert [found[number - 1].numbers for number, _ in near] == [(0,)]
    assert len(both) == 2
    assert [step.iteration for step in losses] == list(range(1, len(losses) + 1))
    assert losses[-1].loss == made.loss
    assert losses[-1].num_rows == sum(truth)


def test_a_column_of_clusters_is_kept(engine: sa.Engine, truth: list[int]) -> None:
    with engine.begin() as session:
        made = clustering.create_clustering(session, "point", "topics", num_clusters=3, seed=1)
        (before,) = clustering.clustering_status(session)
        session.execute(
            sa.text("insert into point (id, embedding) select id + 900, embedding from point")
        )
        again = clustering.refit_clustering(session, "topics", num_clusters=4)
        (after,) = clustering.clustering_status(session)
        clustering.drop_clustering(session, "topics", keep_column=False)
        none = clustering.clustering_status(session)
        columns = session.execute(sa.text("select * from point limit 0")).keys()

    assert (made.name, made.num_clusters, again.num_clusters) == ("topics", 3, 4)
    assert (before.name, before.relation) == ("topics", "point")
    assert (before.embedding, before.cluster_column) == ("embedding", "cluster")
    assert before.fitted_rows == before.total == before.assigned == sum(truth)
    assert before.size_shift == 0
    assert after.fitted_rows == after.assigned == 2 * sum(truth)
    assert none == []
    assert list(columns) == ["id", "embedding"]


def test_a_worker_writes_a_column_of_clusters(
    engine: sa.Engine, connection: Connection, truth: list[int], start_worker: StartWorker
) -> None:
    made = hash_registry()

    @made.clustering("halves")
    def halves(vectors: Any, *, border: float) -> Any:
        return np.where(vectors[:, 0] > border, 1, 2)

    start_worker(made)
    register(connection, "six", dimensions=6)
    connection.execute("alter table point add body text")
    connection.execute("select sqlembed.create_embedding('point', 'six', 'body', index => 'none')")
    with engine.begin() as session:
        clustering.create_clusters(
            session, "point", "halves", label_column="half", parameters={"border": 0.1}
        )
        clustering.create_clusters(session, "point", "halves", parameters={})
    clustering.wait_until_clustered(
        engine, "point", label_column="half", timeout=timedelta(seconds=30)
    )
    with pytest.raises(DBAPIError, match="border"):
        clustering.wait_until_clustered(engine, "point")

    with engine.begin() as session:
        failed, done = clustering.cluster_runs(session)
    assert (failed.label_column, failed.state) == ("cluster", "failed")
    assert failed.error is not None and "border" in failed.error
    assert (done.relation, done.label_column, done.method) == ("point", "half", "halves")
    assert (done.state, done.labelled, done.num_clusters) == ("done", sum(truth), 2)
    assert done.parameters == {"border": 0.1}
    assert done.finished_at is not None and done.finished_at > done.asked_at
