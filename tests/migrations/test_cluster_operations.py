"""Operations on cluster models and on columns of clusters."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.migrations.application import Application
from tests.migrations.histories import rows

POINTS = (
    "op.execute('create table p (id int primary key, v vector(2))')\n"
    "op.execute(\"insert into p select i, format('[%s,1]', i)::vector"
    ' from generate_series(1, 20) i")\n'
)


@pytest.fixture
def application(tmp_path: Path, engine: sa.Engine) -> Application:
    return Application(tmp_path, engine, transaction_per_migration=True)


def test_cluster_models(application: Application) -> None:
    application.write(
        POINTS
        + "op.create_kmeans('it\\'s %', 'select id, v, id from p', metric='euclidean', seed=1,"
        " standardize=False, weights=[1, 2.5], choose_by='davies_bouldin', candidates=[4])",
        "op.drop_model('it\\'s %')\nop.drop_table('p')",
    )
    models = "select name, num_clusters, seed, standardize, weights from sqlembed.cluster_model"
    for _ in range(2):
        application.upgrade()
        assert rows(application, models) == [("it's %", 4, 1, False, [1, 2.5])]
        application.downgrade()
        assert rows(application, models) == []


def test_columns_of_clusters(application: Application) -> None:
    """Up, down and up again; rows that come are clustered, or not."""
    application.write(
        POINTS + "op.create_embedding('p', 'hash', 'id::text', embedding='h', dimensions=8)"
    )
    application.upgrade()
    application.write(
        "op.create_clustering('p', 'it\\'s %', embedding='v', cluster_column='c %',"
        " num_clusters=3, metric='euclidean', seed=2)",
        "op.drop_clustering('it\\'s %')",
    )
    clusterings = (
        "select name, relation::text, embedding, cluster_column, num_clusters, assigned"
        " from sqlembed.clustering_status"
    )
    for number in (21, 22):
        application.upgrade()
        assert rows(application, clusterings) == [("it's %", "p", "v", "c %", 3, number - 1)]
        new = "insert into p (id, v) values ({}, '[20,1]') returning \"c %\" is not null"
        assert rows(application, new.format(number)) == [(True,)]
        application.downgrade()
        assert rows(application, clusterings) == []
        assert rows(application, new.format(number + 100)) == [(False,)]
        rows(application, f"delete from p where id = {number + 100}")
    application.write("op.create_clustering('p', 'two', embedding='v', cluster_column='two')")
    application.write("op.drop_clustering('two', keep_column=False)")
    application.upgrade()
    columns = "select attname from pg_attribute where attrelid = 'p'::regclass and attnum > 0"
    found = rows(application, f"{columns} and not attisdropped order by attnum")
    assert found == [("id",), ("v",), ("h",), ("c %",)]
