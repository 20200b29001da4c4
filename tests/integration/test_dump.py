"""pg_dump and pg_restore: what comes out of an empty database is the same sqlembed, and works."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from sqlembed import config
from sqlembed.embedders import HashEmbedder, Registry
from sqlembed.schema import functions, migrate
from sqlembed.server import psql_path
from sqlembed.worker import Worker
from tests.fix_database import Connection
from tests.fix_hostile import embedded, genuine
from tests.fix_scram import PasswordServer, Realm
from tests.fix_worker import serving

ODD = '"Odd ""schema"."the table"'

WAYS: dict[str, tuple[list[str], list[str]]] = {
    "plain": (["--format=plain"], []),
    "plain, no owner": (["--format=plain", "--no-owner"], []),
    "plain, clean": (["--format=plain", "--clean", "--if-exists"], []),
    "plain, inserts": (["--format=plain", "--inserts"], []),
    "custom": (["--format=custom"], ["--exit-on-error"]),
    "custom, one transaction": (["--format=custom"], ["--single-transaction"]),
    "custom, clean": (["--format=custom"], ["--exit-on-error", "--clean", "--if-exists"]),
    "custom, no owner": (["--format=custom"], ["--exit-on-error", "--no-owner"]),
    "parallel": (["--format=directory", "--jobs=3"], ["--exit-on-error", "--jobs=3"]),
}


def programs(url: str) -> Path:
    """Return the folder of the programs of the server's own version, where it has them.

    Newer ones write settings into a dump that an older server does not know.
    """
    with psycopg.connect(url) as connection:
        version = connection.info.server_version // 10_000
    ours = Path(f"/usr/lib/postgresql/{version}/bin")
    return ours if (ours / "pg_dump").exists() else psql_path().parent


def run(program: Path, *arguments: str) -> str:
    done = subprocess.run(
        [program, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PGCLIENTENCODING": "UTF8"},
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def copy_database(source: str, target: str, way: str, folder: Path) -> None:
    dumping, restoring = WAYS[way]
    dump = str(folder / "dump")
    found = programs(source)
    run(found / "pg_dump", f"--dbname={source}", f"--file={dump}", *dumping)
    if dumping[0] == "--format=plain":
        options = ["-X", "-q", "-v", "ON_ERROR_STOP=1"]
        run(found / "psql", *options, f"--file={dump}", f"--dbname={target}")
    else:
        run(found / "pg_restore", f"--dbname={target}", *restoring, dump)


def engine_for(url: str) -> sa.Engine:
    return sa.create_engine(config.sqlalchemy_url(url), poolclass=sa.NullPool)


def titles(connection: Connection, query: str) -> list[object]:
    found = connection.execute(
        "select (base).title from sqlembed.search(null::public.article, %s, k => 1)", (query,)
    )
    return [title for (title,) in found]


def fill(connection: Connection, url: str, registry: Registry) -> None:
    """Make tables with embeddings, in every state that a dump may find them in."""
    fingerprint = HashEmbedder("hash", 8).fingerprint
    connection.execute("select sqlembed.register_embedder('hash', 8, %s)", (fingerprint,))
    for statement in (
        "select sqlembed.grant_embedder('hash', 'public')",
        "create table public.article (id int primary key, title text)",
        "select sqlembed.create_embedding('public.article', 'hash', 'title')",
        'create schema "Odd ""schema"',
        f'create table {ODD} (a int, "B b" text, title text, primary key ("B b", a))',
        f"select sqlembed.create_embedding('{ODD}', 'hash', $$title || ' \\ % \"'$$,"
        " embedding => 'my vector', on_change => 'keep', storage => 'halfvec')",
        "insert into public.article select i, 'text ' || i from generate_series(1, 20) as i",
        f"insert into {ODD} values (1, 'x', 'one'), (2, 'y', 'two')",
    ):
        connection.execute(statement.encode())
    Worker(url, registry).run(burst=True)
    for statement in (
        "select sqlembed.create_kmeans('m', 'select id, embedding from public.article', 2)",
        # What waits, what was given up, and what a worker had in hand.
        "insert into public.article values (21, 'text 21')",
        "insert into sqlembed.job (embedding, key, worker, locked_until)"
        " select id, '[20]', 1, now() + interval '1 h' from sqlembed.embedding where id = 1",
        "insert into sqlembed.lease (worker, embedding, keys, changed_at, locked_until)"
        " select 1, id, '{[18]}', array[now()], now() + interval '1 h'"
        " from sqlembed.embedding where id = 1",
        "insert into sqlembed.failed_job values (1, '[19]', 5, 'no')",
    ):
        connection.execute(statement.encode())


@pytest.fixture
def original(connection: Connection, url: str, registry: Registry) -> Connection:
    fill(connection, url, registry)
    return connection


@pytest.fixture
def restore(
    original: Connection, url: str, empty_url: str, reachable_folder: Path, tmp_path: Path
) -> Iterator[Callable[[str], Connection]]:
    """Dump and restore the database in a way; gives a connection to what came out."""
    del original, reachable_folder
    opened = []

    def restore(way: str) -> Connection:
        if "clean" in way:
            assert migrate.upgrade(engine_for(empty_url)) == []
        copy_database(url, empty_url, way, tmp_path)
        opened.append(psycopg.connect(empty_url, autocommit=True))
        return opened[0]

    yield restore
    for connection in opened:
        connection.close()


@pytest.mark.parametrize("way", WAYS)
def test_a_restored_database_works(
    restore: Callable[[str], Connection], empty_url: str, registry: Registry, way: str
) -> None:
    restored = restore(way)
    relations = "select relation::text, name::text, key_columns::text[] from sqlembed.embedding"
    assert sorted(restored.execute(relations).fetchall()) == [
        (ODD, "my vector", ["B b", "a"]),
        ("article", "embedding", ["id"]),
    ]
    with pytest.raises(psycopg.Error, match="this database is a copy of") as raised:
        restored.execute("select sqlembed.embed('hash', 'food')")
    assert raised.value.sqlstate == "SE007"

    assert migrate.upgrade(engine_for(empty_url)) == []
    with engine_for(empty_url).connect() as inside:
        assert functions.drift(inside) == {}
    restored.execute("insert into public.article values (22, 'text 22')")
    restored.execute("update public.article set title = 'another' where id = 3")
    restored.execute(f"update {ODD} set title = 'three' where a = 1".encode())
    assert restored.execute("select embedding from article where id = 3").fetchone() == (None,)
    with serving(empty_url, registry):
        restored.execute("call sqlembed.wait_until_embedded('public.article', '20 s')")
        restored.execute("call sqlembed.wait_until_embedded(%s, '20 s')", (ODD,))
        assert embedded(restored, "sqlembed.embed('hash', 'food')") == genuine("food")
        assert titles(restored, "another") == ["another"]
        assert titles(restored, "text 21") == ["text 21"]
    assert restored.execute(
        "select relation::text, total, embedded, pending, failed from sqlembed.status order by 1"
    ).fetchall() == [(ODD, 2, 2, 0, 0), ("article", 22, 22, 0, 1)]
    assert embedded(restored, f'select "my vector" from {ODD} where a = 1') == pytest.approx(
        genuine('three \\ % "'), abs=1e-3
    )
    assert restored.execute("select num_clusters from sqlembed.cluster_model").fetchone() == (2,)
    assert restored.execute("select sqlembed.retry_failed('public.article')").fetchone() == (1,)
    # The next number is free.
    restored.execute("create table public.more (id int primary key, title text)")
    restored.execute("select sqlembed.create_embedding('public.more', 'hash', 'title')")


def test_what_is_told_by_the_numbers_of_columns_is_restored(
    restore: Callable[[str], Connection],
    original: Connection,
    url: str,
    empty_url: str,
    registry: Registry,
) -> None:
    """A dropped column has a number in the original, and none in what is restored."""
    for statement in (
        "create table public.point (gone int, id int primary key, title text)",
        "select sqlembed.create_embedding('public.point', 'hash', 'title', index => 'none')",
        "insert into public.point select 1, i, 'text ' || i from generate_series(1, 20) as i",
    ):
        original.execute(statement.encode())
    Worker(url, registry).run(burst=True)
    for statement in (
        "select sqlembed.create_clustering('public.point', 'topics', num_clusters => 2)",
        'alter table public.point rename cluster to "the group"',
        # The number that the clusters' column has here will be another's.
        "alter table public.point add note int, add more int, drop column gone",
        "comment on column public.point.embedding is 'what it means'",
        "select sqlembed.create_generation('public.point', source => $$'no ' || title$$)",
        "grant select (title) on public.point to public",
    ):
        original.execute(statement.encode())
    Worker(url, registry).run(burst=True)

    restored = restore("custom")

    added = "insert into public.point (id, title, {0}, note) select id + {1}, title, {0}, 7"
    some = f"{added} from public.point where id <= 20"
    restored.execute(some.format("embedding", 100).encode())
    counted = 'select count(*), count("the group"), count({0}), sum({0}) from public.point'
    assert restored.execute(counted.format("note").encode()).fetchone() == (40, 40, 20, 140)
    assert migrate.upgrade(engine_for(empty_url)) == []
    switch = "select sqlembed.switch_generation('public.point', lag => '1 h')"
    with pytest.raises(psycopg.Error, match="restored from a dump") as early:
        restored.execute(switch)
    assert early.value.sqlstate == "SE013"
    Worker(empty_url, registry).run(burst=True)
    restored.execute(switch)
    assert restored.execute(
        """
        select a.attname::text, col_description(a.attrelid, a.attnum), a.attacl::text
        from pg_attribute as a
        where a.attrelid = 'public.point'::regclass and a.attname ~ '^embedding' order by 1
        """
    ).fetchall() == [
        ("embedding", "what it means", None),
        (
            "embedding_previous",
            "The previous generation of embedding. Made by sqlembed; written by workers.",
            None,
        ),
    ]
    restored.execute("alter table public.point rename note to note2")
    restored.execute(some.format("embedding_previous", 200).replace("note", "note2").encode())
    assert restored.execute(counted.format("note2").encode()).fetchone() == (60, 60, 40, 280)


def test_work_on_the_copy_leaves_the_original_alone(
    restore: Callable[[str], Connection], original: Connection, empty_url: str, registry: Registry
) -> None:
    waiting = "select count(*) from sqlembed._queued"
    before = original.execute(waiting).fetchone()
    restored = restore("custom")
    assert migrate.upgrade(engine_for(empty_url)) == []
    Worker(empty_url, registry).run(burst=True)
    assert restored.execute(waiting).fetchone() == (0,)
    assert original.execute(waiting).fetchone() == before
    assert before is not None
    assert before != (0,)


def test_an_ordinary_owner_dumps_and_restores(
    realm: Realm, password_server: PasswordServer, registry: Registry, tmp_path: Path
) -> None:
    """The administrator has prepared the new database as README says; the owner does the rest."""
    owner = realm.connect(realm.server.owner)
    realm.connect().execute(f"grant create on schema public to {realm.server.owner}".encode())
    fill(owner, realm.url(realm.server.owner), registry)
    database = f"{realm.database}_restored"
    password_server.create(database)
    try:
        password_server.administer(database)
        with psycopg.connect(password_server.url(database), autocommit=True) as admin:
            admin.execute(f"grant create on schema public to {realm.server.owner}".encode())
        target = password_server.url(database, realm.server.owner)
        dump = str(tmp_path / "dump")
        found = programs(realm.url())
        source = realm.url(realm.server.owner)
        run(found / "pg_dump", f"--dbname={source}", f"--file={dump}", "-Fc")
        # What the administrator has made is left out: neither the extensions nor their schema are
        # the owner's to make.
        listed = subprocess.run(
            [found / "pg_restore", "--list", dump],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
        made = (" EXTENSION ", " SCHEMA - sqlembed_dblink ", " SCHEMA - sqlembed ")
        wanted = tmp_path / "list"
        wanted.write_text("\n".join(line for line in listed if not any(m in line for m in made)))
        run(
            found / "pg_restore",
            f"--dbname={target}",
            "--exit-on-error",
            "--no-owner",
            f"--use-list={wanted}",
            dump,
        )
        assert migrate.upgrade(password_server.engine(database, realm.server.owner)) == []
        with (
            psycopg.connect(target, autocommit=True) as restored,
            serving(target, registry),
        ):
            restored.execute("insert into article values (22, 'text 22')")
            restored.execute("call sqlembed.wait_until_embedded('article', '20 s')")
            assert titles(restored, "text 22") == ["text 22"]
    finally:
        password_server.drop(database)
