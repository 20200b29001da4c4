"""With whose rights the uses of vectors run, and under whose ``search_path``."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import psycopg
import pytest
from psycopg import sql

from tests.fix_database import Connection
from tests.sql.clustered import blobs, fit, make_points
from tests.sql.searching import rows
from tests.sql.test_cluster_rights import HOSTILE

#: A call of each, over the table point, and how many rows it gives at least.
CALLS = {
    "duplicates('point', 0.99)": 100,
    "duplicates('point', 0.99, within => 'id > 10', filter => 'id > 5')": 100,
    "duplicate_pairs('point', 0.99)": 100,
    "nearest_label('point', (select embedding from point where id = 50), 'id')": 1,
    "recommend(null::public.point, array['[30]', '[31]']::jsonb[], array['[32]']::jsonb[])": 10,
    "outliers('point', filter => 'id >= 0', baseline => 'id < 20')": 120,
    "drift('point', 'id < 60', 'id between 60 and 119', permutations => 10)": 1,
    "drift_rows('point', 'id < 60', 'id between 60 and 119')": 10,
    "project('point', 3, filter => 'id >= 0')": 120,
}


@pytest.fixture
def reader(url: str, connection: Connection, role: str) -> Iterator[Connection]:
    """A connection of a role that may read the table point as far as a policy lets it."""
    points, _ = blobs(300, 3, 6)
    make_points(connection, points)
    connection.execute(sql.SQL("grant select on point to {}").format(sql.Identifier(role)))
    connection.execute("create table secret (like point including all)")
    with psycopg.connect(url, user=role, password="secret", autocommit=True) as other:
        yield other


@pytest.mark.parametrize("call", CALLS)
def test_reading_the_table_is_enough(reader: Connection, call: str) -> None:
    assert len(rows(reader, f"select * from sqlembed.{call}")) >= CALLS[call]


@pytest.mark.parametrize("call", CALLS)
def test_a_table_that_one_may_not_read(reader: Connection, call: str) -> None:
    hidden = call.replace("'point'", "'secret'").replace("null::public.point", "null::secret")

    with pytest.raises(psycopg.errors.InsufficientPrivilege) as caught:
        rows(reader, f"select * from sqlembed.{hidden}")

    assert "secret" in str(caught.value)


def test_row_security_holds(reader: Connection, connection: Connection) -> None:
    connection.execute("alter table point enable row level security")
    connection.execute("create policy some_rows on point for select using (id < 120)")

    for call in CALLS:
        if "key" in (columns := names(reader, call)):
            found = rows(reader, f"select (key ->> 0)::int from sqlembed.{call}")
        elif "base" in columns:
            found = rows(reader, f"select (base).id from sqlembed.{call}")
        else:
            continue
        assert found
        assert max(row[0] for row in found) < 120, call
    liked = "select count(*) from sqlembed.recommend(null::public.point, array['[200]']::jsonb[])"
    with pytest.raises(psycopg.Error, match="none of the liked rows is there"):
        rows(reader, liked)


def names(connection: Connection, call: str) -> list[str]:
    cursor = connection.execute(f"select * from sqlembed.{call} limit 0".encode())
    return [column.name for column in cursor.description or ()]


def test_a_hostile_search_path(connection: Connection) -> None:
    points, _ = blobs(300, 3, 6)
    make_points(connection, points)
    fit(connection, num_clusters=2)
    connection.execute(HOSTILE.encode())
    connection.execute("set search_path = evil, pg_catalog, public")
    with pytest.raises(psycopg.errors.RaiseException):
        connection.execute("select 1 + 1")
    calls = {
        "duplicates('point', 0.99, within => 'id', filter => 'true')": 0,
        "duplicates('point', 0.99)": 100,
        "duplicate_pairs('point', 0.99)": 100,
        "outliers('point', baseline => 'true')": 300,
        "drift('point', 'true', 'true', permutations => 10)": 1,
        "drift_rows('point', 'true', 'true')": 10,
        "project('point', filter => 'true')": 300,
        "cluster_terms('m', 'select ''a text about food'', embedding from point', 3)": 1,
    }
    for call, least in calls.items():
        assert len(rows(connection, f"select * from sqlembed.{call}")) >= least, call
    labels = (
        "select * from sqlembed._label_scores("
        "'[1,2]', '{a,b}', array['[1,2]', '[2,1]']::vector[], 0.1)"
    )
    assert [row[0] for row in rows(connection, labels)] == ["a", "b"]


def test_large_tables_under_a_hostile_search_path(connection: Connection) -> None:
    random = np.random.default_rng(0)
    make_points(connection, random.standard_normal((5100, 3)).astype(np.float32))
    connection.execute("create index on point using hnsw (embedding vector_cosine_ops)")
    connection.execute("create index on point using hnsw (embedding vector_l2_ops)")
    connection.execute(HOSTILE.encode())
    connection.execute("set search_path = evil, pg_catalog, public")

    assert rows(connection, "select from sqlembed.duplicates('point', 0.999999)")
    assert len(rows(connection, "select from sqlembed.outliers('point', 1)")) == 5100
