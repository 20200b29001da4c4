"""The roles that may be made on request: what each of them can do, and what it cannot."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg
import pytest
import sqlalchemy as sa
from psycopg import sql

from sqlembed import config
from sqlembed.embedders import Registry
from sqlembed.schema import functions, migrate, roles
from sqlembed.worker import Worker
from tests.fix_database import Connection
from tests.fix_hostile import embedded, genuine, refused
from tests.fix_scram import ADMINISTER_ROLES, PASSWORD, PasswordServer, Realm
from tests.fix_worker import serving
from tests.integration.working import due, until

NOTED = "select key from sqlembed.change"


@dataclass
class Cast:
    """A database with the roles, a table, and a login for each role."""

    realm: Realm
    owner: Connection
    names: dict[str, str]

    def connect(self, kind: str) -> Connection:
        return self.realm.connect(self.names[kind])

    def url(self, kind: str) -> str:
        return self.realm.url(self.names[kind])


def drop_roles(server: PasswordServer) -> None:
    for role in roles.ROLES:
        server.admin.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(role)))


@pytest.fixture
def cast(realm: Realm, registry: Registry) -> Iterator[Cast]:
    """The administrator makes the roles, the owner migrates, and three users are members."""
    server = realm.server
    server.admin.execute(ADMINISTER_ROLES)
    names = {kind: f"{kind}_{uuid.uuid4().hex[:8]}" for kind in ("reader", "writer", "worker")}
    for kind, name in names.items():
        server.admin.execute(
            f"create role {name} login password '{PASSWORD}' in role sqlembed_{kind}".encode()
        )
    engine = server.engine(realm.database, server.owner)
    assert migrate.upgrade(engine, with_roles=True) == []
    registry.sync(engine)
    owner = realm.connect(server.owner)
    for statement in (
        "create schema app",
        "create table app.article (id int primary key, title text, year int)",
        "select sqlembed.create_embedding('app.article', 'hash', 'title')",
        "grant usage on schema app to public",
        "grant select on app.article to {reader}",
        "grant select, insert, update, delete on app.article to {writer}",
        "grant select, update (embedding) on app.article to {worker}",
    ):
        owner.execute(statement.format(**names).encode())
    yield Cast(realm, owner, names)
    realm.close()
    server.drop(realm.database)
    for name in names.values():
        server.admin.execute(f"drop role {name}".encode())
    drop_roles(server)


def test_a_row_goes_its_way_through_the_three(cast: Cast, registry: Registry) -> None:
    writer, reader = cast.connect("writer"), cast.connect("reader")
    with serving(cast.url("worker"), registry):
        writer.execute("insert into app.article values (1, 'food', 2020), (2, ' ', 2021)")
        writer.execute("call sqlembed.wait_until_embedded('app.article', '20 s')")
        writer.execute("update app.article set title = 'drink' where id = 1")
        writer.execute("call sqlembed.wait_until_embedded('app.article', '20 s')")
        found = reader.execute(
            "select (base).title, round(distance::numeric, 3)"
            " from sqlembed.search(null::app.article, 'drink', filter => 'year > 2000')"
        ).fetchall()
        assert found == [("drink", 0)]
        assert embedded(reader, "sqlembed.embed('hash', 'food')") == genuine("food")
        assert (
            reader.execute(
                "select name from sqlembed.worker where 'hash' = any (embedders)"
            ).fetchall()
            != []
        )
    assert reader.execute(
        "select relation::text, total, embedded, pending, failed from sqlembed.status"
    ).fetchall() == [("app.article", 2, 1, 0, 0)]


def test_a_worker_does_all_that_a_worker_does(cast: Cast, registry: Registry) -> None:
    """Failures, the cache, housekeeping and a key that is renamed, with no more than its rights."""

    @registry.embedder("picky", dimensions=8)
    def picky(texts: Sequence[str]) -> Any:
        if any("bad" in text for text in texts):
            raise ValueError("no such word")
        return registry.get("hash").embed(texts)

    cast.owner.execute("select sqlembed.register_embedder('picky', 8)")
    cast.owner.execute("select sqlembed.grant_embedder('picky', 'public')")
    cast.owner.execute(
        "select sqlembed.create_embedding('app.article', 'picky', 'title', embedding => 'other')"
    )
    cast.owner.execute(f"grant update (other) on app.article to {cast.names['worker']}".encode())
    cast.owner.execute("insert into app.article values (1, 'bad'), (2, 'same'), (3, 'same')")
    with serving(cast.url("worker"), registry):
        until(lambda: given_up(cast.owner))
    assert cast.owner.execute(
        "select embedding, embedded, failed from sqlembed.status order by 1"
    ).fetchall() == [("embedding", 3, 0), ("other", 2, 1)]
    assert cast.owner.execute("select error from sqlembed.failure").fetchall() == [
        ("embedder 'picky' failed: ValueError: no such word",)
    ]
    cast.owner.execute("update app.article set title = 'good' where id = 1")
    cast.owner.execute("alter table app.article rename id to number")
    cast.owner.execute("insert into app.article values (4, 'new')")
    Worker(cast.url("worker"), registry).run(burst=True)
    assert cast.owner.execute(
        "select count(*) from app.article where number = 4 and embedding is not null"
    ).fetchone() == (1,)
    cast.owner.execute("drop table app.article")
    Worker(cast.url("worker"), registry).run(burst=True)
    assert cast.owner.execute("select count(*) from sqlembed.embedding").fetchone() == (0,)


def given_up(owner: Connection) -> bool:
    due(owner)
    return owner.execute("select count(*) from sqlembed.failure").fetchone() == (1,)


@pytest.mark.parametrize("kind", ["reader", "writer", "worker"])
def test_none_of_them_has_more(cast: Cast, kind: str) -> None:
    cast.owner.execute("select sqlembed.register_embedder('ours', 8)")
    cast.owner.execute("select sqlembed.revoke_embedder('ours', 'sqlembed_reader')")
    connection = cast.connect(kind)
    for statement in (
        "select * from sqlembed.secret",
        "select * from sqlembed.request",
        "select * from sqlembed.cache",
        "select * from sqlembed.job",
        "update sqlembed.embedder set fingerprint = 'mine'",
        "update sqlembed.embedder_key set grantees = '{0}'",
        "insert into sqlembed.embedder values ('mine', 8)",
        "select sqlembed._ticket('hash', 'document', array['food'])",
        "select sqlembed._ask('ours', '', 'query', array['food'])",
        "select sqlembed.embed('ours', 'food')",
        "select sqlembed.grant_embedder('ours', 'public')",
        "select sqlembed._configure_loopback()",
        "select sqlembed._probe_loopback()",
        "select sqlembed.create_embedding('app.article', 'hash', 'title', embedding => 'mine')",
        "select sqlembed.drop_embedding('app.article')",
        "select sqlembed.refresh_embedding('app.article')",
        "select sqlembed_dblink.dblink_get_connections()",
        "create table sqlembed.mine (id int)",
        "update sqlembed.alembic_version set version_num = '0'",
    ):
        assert refused(connection, statement), statement
    # Whoever owns no table finds no declaration to alter.
    assert connection.execute("update sqlembed.embedding set source = 'title'").rowcount == 0
    # What waits of tables of others is not for their eyes.
    assert connection.execute("select * from sqlembed.change").fetchall() == []
    assert (
        connection.execute(
            "select embedder from sqlembed.embedder_key where embedder <> 'hash'"
        ).fetchall()
        == []
    )
    if kind != "worker":
        for name in roles.worker_functions():
            assert connection.execute(
                "select bool_or(has_function_privilege(p.oid, 'execute')) from pg_proc as p"
                " where format('%%I.%%I', p.pronamespace::regnamespace, p.proname) = %s",
                (name,),
            ).fetchone() == (False,), name
    if kind == "worker":
        assert refused(connection, "select sqlembed.embed('hash', 'food')")
        assert refused(connection, "update app.article set title = 'mine'")
    if kind == "reader":
        assert refused(connection, "insert into app.article values (9, 'x')")


def test_a_worker_builds_generations_and_writes_clusters(cast: Cast, registry: Registry) -> None:
    @registry.clustering("one")
    def one(vectors: Any) -> Any:
        return np.ones(len(vectors), dtype=int)

    cast.owner.execute(
        "insert into app.article select i, 'text ' || i from generate_series(1, 9) i"
    )
    cast.owner.execute(
        "select sqlembed.create_generation('app.article', source => $$'a ' || title$$)"
    )
    Worker(cast.url("worker"), registry).run(burst=True)
    cast.owner.execute(
        "select sqlembed.create_clusters('app.article', 'one', 'kind', parameters => '{}')"
    )
    Worker(cast.url("worker"), registry).run(burst=True)
    state = "select state, labelled, error from sqlembed.cluster_run"
    denied = "permission denied for table article"
    assert cast.owner.execute(state).fetchall() == [("failed", None, denied)]

    cast.owner.execute(f"grant update (kind) on app.article to {cast.names['worker']}".encode())
    cast.owner.execute("select sqlembed.create_clusters('app.article', 'one', 'kind')")
    Worker(cast.url("worker"), registry).run(burst=True)

    assert cast.owner.execute(state).fetchall() == [("done", 9, None)]
    assert cast.owner.execute(
        "select count(kind), count(embedding), count(embedding_next) from app.article"
    ).fetchone() == (9, 9, 9)


#: Functions of workers that read or change tables, with the rights of the worker itself.
READERS = {
    "_attach_families",
    "_note_missing",
    "_queue_generations",
    "_check_described",
    "_empty_side",
    "_follow_columns",
    "_follow_families",
    "_follow_grants",
    "_forget_failures",
    "_is_unaltered_sql",
    "_is_only_row",
    "_remove_vectors",
    "_trim_cache",
}


def test_functions_of_workers_have_the_owners_rights_and_a_path_of_their_own(
    cast: Cast,
) -> None:
    """The catalogue is under row level security; those that touch tables of others have none."""
    found = cast.owner.execute(
        """
        select p.proname, p.prosecdef, p.proconfig[1],
            has_function_privilege('public', p.oid, 'execute')
        from pg_proc as p
        where format('%%I.%%I', p.pronamespace::regnamespace, p.proname) = any (%s)
        """,
        (roles.worker_functions(),),
    ).fetchall()
    assert len(found) == len(roles.worker_functions())
    assert {name for name, elevated, _, _ in found if not elevated} == READERS
    assert {path for _, _, path, _ in found} == {"search_path=pg_catalog, pg_temp"}
    assert {public for _, _, _, public in found} == {False}


def test_a_worker_that_may_not_read_a_table_says_so_and_serves_the_others(
    cast: Cast, registry: Registry
) -> None:
    cast.owner.execute("create table app.closed (id int primary key, title text)")
    cast.owner.execute("select sqlembed.create_embedding('app.closed', 'hash', 'title')")
    cast.owner.execute("insert into app.closed values (1, 'x')")
    cast.owner.execute("insert into app.article values (1, 'x')")
    Worker(cast.url("worker"), registry).run(burst=True)
    assert cast.owner.execute(
        "select relation::text, embedded, pending, last_error from sqlembed.status order by 1"
    ).fetchall() == [
        ("app.article", 1, 0, None),
        ("app.closed", 0, 1, "permission denied for table closed"),
    ]


def test_row_security_needs_a_worker_that_sees_all(cast: Cast, registry: Registry) -> None:
    """A policy that hid rows from it would make them pass for deleted ones."""
    cast.owner.execute("alter table app.article enable row level security")
    cast.owner.execute("create policy all_rows on app.article using (true)")
    cast.owner.execute("insert into app.article values (1, 'x')")
    Worker(cast.url("worker"), registry).run(burst=True)
    (said,) = cast.owner.execute("select last_error from sqlembed.status").fetchone() or ("",)
    assert "row-level security" in str(said)
    admin = cast.realm.server.admin
    admin.execute(f"alter role {cast.names['worker']} bypassrls".encode())
    due(cast.owner)
    Worker(cast.url("worker"), registry).run(burst=True)
    assert cast.owner.execute("select embedded, pending from sqlembed.status").fetchone() == (1, 0)


def test_an_embedder_that_is_registered_later_is_the_readers_too(
    cast: Cast, registry: Registry
) -> None:
    registry.embedder("later", dimensions=8)(lambda texts: registry.get("hash").embed(texts))
    reader = cast.connect("reader")
    with serving(cast.url("worker"), registry):
        assert embedded(reader, "sqlembed.embed('later', 'food')") == genuine("food")


def test_they_outlive_a_downgrade_and_cover_a_second_database(
    cast: Cast, registry: Registry
) -> None:
    server = cast.realm.server
    second = f"{cast.realm.database}_second"
    server.create(second)
    try:
        server.administer(second)
        engine = server.engine(second, server.owner)
        assert migrate.upgrade(engine) == []
        registry.sync(engine)
        with psycopg.connect(server.url(second, cast.names["reader"])) as reader:
            assert reader.execute("select * from sqlembed.embedder_key").fetchall() == []
        for _ in range(2):
            assert migrate.upgrade(engine, with_roles=True) == []
        with psycopg.connect(server.url(second, cast.names["reader"])) as reader:
            assert len(reader.execute("select * from sqlembed.embedder_key").fetchall()) == 1
        migrate.downgrade(engine, "base")
        assert migrate.upgrade(engine) == []
        registry.sync(engine)
        Worker(server.url(second, cast.names["worker"]), registry).run(burst=True)
        with engine.connect() as inside:
            # Rights of workers apart, which the files do not speak of.
            assert {name.partition("(")[0] for name in functions.drift(inside)} == set(
                roles.worker_functions()
            )
        kept = migrate.uninstall(server.engine(second))
        assert [line.partition(":")[0] for line in kept] == [
            "role sqlembed_writer",
            "role sqlembed_reader",
            "role sqlembed_worker",
            "role sqlembed_loopback",
        ]
    finally:
        server.drop(second)


def test_what_the_owner_takes_back_stays_taken(cast: Cast) -> None:
    cast.owner.execute("select sqlembed.revoke_embedder('hash', 'sqlembed_reader')")
    engine = cast.realm.server.engine(cast.realm.database, cast.realm.server.owner)
    assert migrate.upgrade(engine, with_roles=True) == []
    assert refused(cast.connect("reader"), "select sqlembed.embed('hash', 'food')")


def test_without_an_administrator_the_owner_is_told_whom_to_ask(realm: Realm) -> None:
    engine = realm.server.engine(realm.database, realm.server.owner)
    with pytest.raises(sa.exc.DBAPIError, match="role sqlembed_reader does not exist") as raised:
        migrate.upgrade(engine, with_roles=True)
    assert isinstance(raised.value.orig, psycopg.errors.InsufficientPrivilege)


def test_a_superuser_makes_and_takes_them(empty_url: str, admin: Connection) -> None:
    engine = sa.create_engine(config.sqlalchemy_url(empty_url), poolclass=sa.NullPool)
    present = "select rolname::text from pg_roles where rolname = any (%s) order by 1"
    assert migrate.upgrade(engine, with_roles=True) == []
    assert len(admin.execute(present, (list(roles.ROLES),)).fetchall()) == 3
    migrate.uninstall(engine)
    assert admin.execute(present, (list(roles.ROLES),)).fetchall() == []


def test_the_setting_of_workers_is_worth_nothing_to_others(cast: Cast) -> None:
    writer = cast.connect("writer")
    writer.execute("set sqlembed.writing = on")
    writer.execute("insert into app.article values (1, 'x')")
    assert cast.owner.execute(NOTED).fetchall() == [([1],)]
    cast.owner.execute("grant insert on app.article to {worker}".format(**cast.names).encode())
    worker = cast.connect("worker")
    worker.execute("set sqlembed.writing = on")
    worker.execute("insert into app.article values (2, 'x')")
    assert cast.owner.execute(NOTED).fetchall() == [([1],)]
