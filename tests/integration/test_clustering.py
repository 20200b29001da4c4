"""``sqlembed.clustering``: the SQL functions from Python, with whatever SQLAlchemy hands over."""

from __future__ import annotations

import numpy as np
import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from sqlembed import clustering
from tests.fix_database import Connection
from tests.sql.clustered import QUERY, blobs, labels, make_points


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
        first = clustering.predict(session, "größe", found[0].centroid)
        nowhere = clustering.predict(session, "größe", np.zeros(6))

    assert (made.name, made.num_clusters) == ("größe", 3)
    assert 0 < made.loss < 300
    assert made.iterations >= 1
    assert [c.centroid_id for c in found] == [1, 2, 3]
    assert sorted(c.cluster_size for c in found) == truth
    assert all(c.cluster_radius and np.linalg.norm(c.centroid) == pytest.approx(1) for c in found)
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
