"""Installing and taking away: many times, many at once, as a script, and back."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
import sqlalchemy as sa

from sqlembed import config, errors
from sqlembed.embedders import Registry
from sqlembed.schema import functions, migrate
from sqlembed.server import psql_path
from tests.fix_database import Connection
from tests.fix_worker import StartWorker


def engine_for(url: str) -> sa.Engine:
    return sa.create_engine(config.sqlalchemy_url(url), poolclass=sa.NullPool)


def installed(url: str) -> dict[str, str]:
    with engine_for(url).connect() as connection:
        return functions.installed(connection)


def made(url: str) -> list[tuple[object, ...]]:
    """Return everything in sqlembed's schemas but its functions: columns, rights, constraints."""
    with psycopg.connect(url) as connection:
        return connection.execute(
            """
            select c.oid::regclass::text, c.relkind::text, c.relacl::text, a.attname::text,
                format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attacl::text,
                col_description(c.oid, a.attnum)
            from pg_class as c join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0
            where c.relnamespace in ('sqlembed'::regnamespace, 'sqlembed_wire'::regnamespace)
            union all
            select conrelid::regclass::text, contype::text, conname::text,
                pg_get_constraintdef(oid), null, null, null, null
            from pg_constraint where connamespace = 'sqlembed'::regnamespace
            union all
            select polrelid::regclass::text, polcmd::text, polname::text,
                pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid),
                null, null, null
            from pg_policy
            union all
            select tgrelid::regclass::text, tgname::text, pg_get_triggerdef(oid),
                null, null, null, null, null
            from pg_trigger where not tgisinternal
            order by 1, 2, 3, 4
            """
        ).fetchall()


def test_twelve_at_once_on_an_empty_database(empty_url: str) -> None:
    with ThreadPoolExecutor(12) as pool:
        results = list(pool.map(lambda _: migrate.upgrade(engine_for(empty_url)), range(12)))
    assert results == [[]] * 12
    with engine_for(empty_url).connect() as connection:
        migrate.check(connection)
        # Or riders of the loopback would see other callers' texts in pg_stat_activity.
        settings = sa.text("select useconfig from pg_user where usename = 'sqlembed_loopback'")
        assert connection.execute(settings).scalar_one() == ["track_activities=off"]


def test_several_processes_at_once(empty_url: str) -> None:
    code = (
        "import sys, sqlalchemy as sa; from sqlembed.schema import migrate;"
        "print(migrate.upgrade(sa.create_engine(sys.argv[1])))"
    )
    command = [sys.executable, "-c", code, config.sqlalchemy_url(empty_url)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert [process.communicate(timeout=60)[0] for process in running] == ["[]\n"] * 4


def test_again_changes_nothing(url: str) -> None:
    before = installed(url), made(url)
    assert migrate.upgrade(engine_for(url)) == []
    assert (installed(url), made(url)) == before


def run_psql(url: str, script: str) -> str:
    done = subprocess.run(
        [psql_path(), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", f"--dbname={url}"],
        input=script,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stderr


def test_the_script_makes_the_same(url: str, empty_url: str) -> None:
    script, set_up, rest = migrate.script().partition("SELECT sqlembed._configure_loopback();")
    assert run_psql(empty_url, script) == ""
    assert installed(empty_url) == installed(url)
    assert made(empty_url) == made(url)
    # The template's database has given the role a password, which SQL alone cannot find.
    assert "other databases use it" in run_psql(empty_url, set_up + rest)
    assert migrate.upgrade(engine_for(empty_url)) == []
    assert run_psql(empty_url, set_up + rest) == ""


def test_back_and_up_again(url: str, start_worker: StartWorker, registry: Registry) -> None:
    before = installed(url), made(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("select sqlembed.register_embedder('hash', 8)")
        connection.execute("create table t (id int primary key, title text)")
        connection.execute("select sqlembed.create_embedding('t', 'hash', 'title')")
        migrate.downgrade(engine_for(url), "base")
        with engine_for(url).connect() as inside, pytest.raises(errors.NotInstalled):
            migrate.check(inside)
        connection.execute("insert into t values (1, 'x', '[1,2,3,4,5,6,7,8]')")
    assert migrate.upgrade(engine_for(url)) == []
    assert (installed(url), made(url)) == before
    start_worker(registry)
    with psycopg.connect(url, autocommit=True) as connection:
        assert connection.execute(
            "select vector_dims(sqlembed.embed('hash', 'food'))"
        ).fetchone() == (8,)


def test_uninstall_leaves_the_columns_of_users(url: str, connection: Connection) -> None:
    connection.execute("select sqlembed.register_embedder('hash', 8)")
    connection.execute("create table t (id int primary key, title text)")
    connection.execute("select sqlembed.create_embedding('t', 'hash', 'title')")
    connection.execute("insert into t values (1, 'x', '[1,2,3,4,5,6,7,8]')")
    kept = migrate.uninstall(engine_for(url))
    assert [line.partition(":")[0] for line in kept] in ([], ["role sqlembed_loopback"])
    connection.execute("insert into t values (2, 'y', null)")
    assert connection.execute("select count(*), count(embedding) from t").fetchone() == (2, 1)
    assert connection.execute(
        "select count(*) from pg_trigger where tgrelid = 't'::regclass"
    ).fetchone() == (0,)
    assert connection.execute(
        "select count(*) from pg_index where indrelid = 't'::regclass"
    ).fetchone() == (2,)
    assert connection.execute(
        "select count(*) from pg_namespace where nspname ~ 'sqlembed'"
    ).fetchone() == (0,)
    assert migrate.upgrade(engine_for(url)) == []


def test_two_databases_share_the_password_of_the_role(url: str, empty_url: str) -> None:
    assert migrate.upgrade(engine_for(empty_url)) == []
    for place in (url, empty_url):
        with psycopg.connect(place, autocommit=True) as other:
            other.execute("select sqlembed._probe_loopback()")


def test_a_password_that_another_database_has_changed_is_found_again(
    url: str, empty_url: str, connection: Connection
) -> None:
    """Two first migrations at once may each give the role a password."""
    migrate.upgrade(engine_for(empty_url))
    connection.execute(
        """
        alter user mapping for current_user server sqlembed_loopback
        options (set password 'stale')
        """
    )
    with pytest.raises(psycopg.Error, match="could not establish connection"):
        connection.execute("select sqlembed._probe_loopback()")
    assert migrate.upgrade(engine_for(url)) == []
    connection.execute("select sqlembed._probe_loopback()")
