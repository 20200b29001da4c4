"""A table's owner who wants more, by way of clusters."""

from __future__ import annotations

import psycopg
import pytest

from tests.fix_database import Connection
from tests.fix_hostile import ran_as
from tests.fix_scram import Realm

#: A type that becomes a vector by a function of its owner, which PostgreSQL may run as it plans.
CASTING = (
    "create type trap as (a int)",
    """
    create function as_vector(trap) returns public.vector language plpgsql immutable as $$
    begin perform evil.note(); return '[1,2]'; end $$
    """,
    "create cast (trap as public.vector) with function as_vector(trap)",
)

#: An expression of an index that is computed by whoever plans a query of its table.
PLANNING = (
    "create function told(text) returns text language sql immutable as $$ select evil.note() $$",
    "create index on mine ((evil.told('x')))",
)

JOB = """
insert into sqlembed.cluster_job (relation, label_column, embedding, method, parameters)
values ('mine', 'id', 'embedding', 'halves', '{}')
"""


@pytest.fixture
def url(realm: Realm) -> str:
    return realm.url(realm.server.owner)


@pytest.fixture
def clustered(coder: Connection) -> Connection:
    """The hostile role, with a table of its own that it clusters."""
    for statement in (
        "create table point (id int primary key, embedding vector(2))",
        "insert into point select i, array[i, 1]::real[]::vector from generate_series(1, 9) as i",
        "select sqlembed.create_clustering('point', 'topics', num_clusters => 2)",
        *CASTING,
    ):
        coder.execute(statement.encode())
    return coder


def test_no_cast_to_a_vector_runs_in_the_trigger(clustered: Connection) -> None:
    clustered.execute("alter table point add odd trap, add number int")
    clustered.execute("select sqlembed.create_kmeans('mine', 'select id, embedding from point', 2)")
    clustered.execute(
        "insert into sqlembed.clustering (name, relation, vector_column, cluster_column,"
        " vector_number, cluster_number, numbered_in)"
        " select 'mine', 'point', v.attname, n.attname, v.attnum, n.attnum, v.attrelid"
        " from pg_attribute as v, pg_attribute as n"
        " where v.attrelid = 'point'::regclass and v.attname = 'odd'"
        " and n.attrelid = 'point'::regclass and n.attname = 'number'"
    )
    row = clustered.execute("select id from sqlembed.clustering where name = 'mine'").fetchone()
    assert row is not None
    clustered.execute(
        "create trigger mine before insert on point for each row"
        f" execute function sqlembed._keep_cluster({row[0]})".encode()
    )

    clustered.execute("insert into point values (10, '[1,2]', null, row(1))")

    assert ran_as(clustered) == set()


def test_nor_one_of_a_type_that_the_column_gets_later(clustered: Connection) -> None:
    clustered.execute("drop trigger zzz_sqlembed_cluster_update_1 on point")
    clustered.execute("drop trigger zzz_sqlembed_cluster_insert_1 on point")
    clustered.execute("alter table point alter embedding type trap using row(1)")
    clustered.execute(
        "create trigger mine before insert on point for each row"
        " execute function sqlembed._keep_cluster(1)"
    )

    clustered.execute("insert into point values (10, row(2))")

    assert ran_as(clustered) == set()


@pytest.mark.parametrize("trap", ["cast", "index", "view"])
def test_looking_at_the_clusterings_runs_nothing_of_others(
    clustered: Connection, realm: Realm, trap: str
) -> None:
    """An administrator sees them all, and has all rights."""
    statements = {
        "cast": (
            "drop trigger zzz_sqlembed_cluster_update_1 on point",
            "drop trigger zzz_sqlembed_cluster_insert_1 on point",
            "alter table point alter embedding type trap using row(1)",
        ),
        "index": (
            "create function told(text) returns text language sql immutable"
            " as $$ select evil.note() $$",
            "create index on point ((evil.told('x')))",
        ),
        "view": (
            "create view seen as select id, embedding, cluster from point"
            " where evil.note() is not null",
            "select sqlembed.create_kmeans('seen', 'select id, embedding from point', 2)",
            "insert into sqlembed.clustering (name, relation, vector_column, cluster_column,"
            " vector_number, cluster_number, numbered_in)"
            " values ('seen', 'seen', 'embedding', 'cluster', 2, 3, 'seen'::regclass)",
        ),
    }
    for statement in statements[trap]:
        clustered.execute(statement.encode())
    clustered.execute("truncate log")

    status = "select name, total from sqlembed.clustering_status"
    found = {str(name): total for name, total in realm.connect().execute(status)}

    assert ran_as(clustered) == set()
    assert found == ({"topics": 9, "seen": None} if trap == "view" else {"topics": None})


def test_a_worker_looks_at_no_table_with_the_rights_of_the_owner_of_sqlembed(
    coder: Connection, owner: Connection
) -> None:
    coder.execute("select sqlembed.create_embedding('mine', 'hash', 'title', index => 'none')")
    for statement in PLANNING:
        coder.execute(statement)
    coder.execute("grant select on mine to public")
    coder.execute(JOB.encode())
    coder.execute("truncate log")

    claimed = "select id from sqlembed._claim_clustering(1, '{halves}') where id is not null"

    found = owner.execute(claimed).fetchall()

    assert ran_as(coder) == set()
    assert found == [(1,)]


def test_without_an_embedder_no_worker_comes_to_a_table(
    coder: Connection, owner: Connection
) -> None:
    """Whoever may declare an embedding can have a worker run their code, and nobody else."""
    claimed = "select id from sqlembed._claim_clustering(1, '{halves}') where id is not null"
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        coder.execute(JOB.encode())
    coder.execute("select sqlembed.create_embedding('mine', 'hash', 'title', index => 'none')")
    coder.execute(JOB.encode())
    coder.execute("select sqlembed.drop_embedding('mine')")

    assert owner.execute(claimed).fetchall() == []
    assert owner.execute("select error from sqlembed.cluster_job").fetchone() is not None
