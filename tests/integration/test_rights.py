"""Installing as an ordinary role: what it takes, what is refused, what is said."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import psycopg
import pytest
import sqlalchemy as sa
from psycopg import sql
from sqlalchemy.exc import DBAPIError

from sqlembed.embedders import Registry
from sqlembed.schema import migrate, revisions
from tests.fix_scram import PasswordServer, Realm
from tests.fix_worker import StartWorker


@pytest.fixture
def database(password_server: PasswordServer) -> Iterator[str]:
    """Name of an empty database on the server that asks for passwords."""
    name = f"fresh_{uuid.uuid4().hex[:8]}"
    password_server.create(name)
    yield name
    password_server.drop(name)


@pytest.fixture
def url(realm: Realm) -> str:
    return realm.url(realm.server.owner)


def test_an_ordinary_role_owns_everything_and_embeds(
    realm: Realm, start_worker: StartWorker, registry: Registry
) -> None:
    owner = realm.connect(realm.server.owner)
    start_worker(registry)
    assert owner.execute(
        """
        select rolsuper or rolcreaterole or rolbypassrls
        from pg_roles where rolname = current_user
        """
    ).fetchone() == (False,)
    assert owner.execute("select vector_dims(sqlembed.embed('hash', 'food'))").fetchone() == (8,)
    strangers = owner.execute(
        """
        select p.oid::regprocedure from pg_proc as p
        where p.pronamespace in ('sqlembed'::regnamespace, 'sqlembed_wire'::regnamespace)
            and pg_get_userbyid(p.proowner) <> current_user
        """
    ).fetchall()
    assert strangers == []


def test_migrating_again_needs_no_password(realm: Realm) -> None:
    owner = realm.connect(realm.server.owner)
    mapping = "select umoptions from pg_user_mappings where srvname = 'sqlembed_loopback'"
    before = owner.execute(mapping).fetchall()
    assert migrate.upgrade(realm.server.engine(realm.database, realm.server.owner)) == []
    assert owner.execute(mapping).fetchall() == before


def test_a_wrong_password_is_told_and_not_repeated(
    password_server: PasswordServer, database: str
) -> None:
    password_server.administer(database)
    engine = password_server.engine(database, password_server.owner)
    (problem,) = migrate.upgrade(engine, loopback_password="not the password")
    assert "password authentication failed" in problem
    assert "not the password" not in problem
    assert migrate.upgrade(engine, loopback_password=password_server.loopback_password) == []


def test_a_sibling_gives_the_password_of_the_cluster(
    realm: Realm, password_server: PasswordServer, database: str
) -> None:
    password_server.administer(database)
    assert migrate.upgrade(password_server.engine(database, password_server.owner)) == []
    assert migrate.upgrade(password_server.engine(realm.database, password_server.owner)) == []


def test_without_a_password_the_owner_is_told_whom_to_ask(
    password_server: PasswordServer, database: str
) -> None:
    password_server.administer(database)
    engine = password_server.engine(database, password_server.owner)
    migrate.upgrade(engine, loopback_password=password_server.loopback_password)
    with psycopg.connect(password_server.url(database, password_server.owner)) as connection:
        connection.execute("drop server sqlembed_loopback cascade")
        with pytest.raises(psycopg.Error) as raised:
            connection.execute("select sqlembed._configure_loopback()")
    assert raised.value.sqlstate == "SE006"
    assert "--loopback-password" in str(raised.value.diag.message_hint)


def test_a_database_where_the_owner_may_not_create_is_refused(
    password_server: PasswordServer, database: str
) -> None:
    engine = password_server.engine(database, password_server.owner)
    with pytest.raises(DBAPIError, match="permission denied"):
        migrate.upgrade(engine)


@pytest.mark.parametrize("schema", ["sqlembed", "sqlembed_wire", "sqlembed_dblink"])
def test_a_schema_that_somebody_else_has_taken_is_refused(
    password_server: PasswordServer, database: str, schema: str
) -> None:
    """Its owner could put a trigger on the version table, or functions in the place of ours."""
    with psycopg.connect(password_server.url(database), autocommit=True) as admin:
        admin.execute(
            sql.SQL("create schema {} authorization {}").format(
                sql.Identifier(schema), sql.Identifier(password_server.hostile)
            )
        )
    with pytest.raises(DBAPIError, match=f"schema {schema} belongs to {password_server.hostile}"):
        migrate.upgrade(password_server.engine(database))


def test_a_foreign_server_that_somebody_else_has_made_is_refused(
    password_server: PasswordServer, database: str
) -> None:
    """Its owner could lead it anywhere afterwards: the texts and the password would go there."""
    hostile = sql.Identifier(password_server.hostile)
    with psycopg.connect(password_server.url(database), autocommit=True) as admin:
        admin.execute("create schema sqlembed_dblink")
        admin.execute("create extension dblink schema sqlembed_dblink")
        admin.execute(
            sql.SQL("grant usage on foreign data wrapper dblink_fdw to {}").format(hostile)
        )
        admin.execute(sql.SQL("set role {}").format(hostile))
        admin.execute("create server sqlembed_loopback foreign data wrapper dblink_fdw")
    (problem,) = migrate.upgrade(password_server.engine(database))
    assert "must be set up by" in problem


@pytest.mark.parametrize(
    "right", ["alter role sqlembed_loopback bypassrls", "grant {} to sqlembed_loopback"]
)
def test_a_loopback_role_with_other_rights_is_refused(
    password_server: PasswordServer, right: str
) -> None:
    """Whoever rides it would have them."""
    admin = password_server.admin
    prerequisites = revisions.migrations_folder() / "prerequisites.sql"
    with admin.transaction(force_rollback=True):
        admin.execute(right.format(password_server.user).encode())
        with pytest.raises(psycopg.Error, match="more rights than to log in"):
            admin.execute(prerequisites.read_text().encode())


def test_nothing_of_another_database_runs_with_our_rights(
    password_server: PasswordServer, database: str
) -> None:
    """Migrating looks for the loopback's password in other databases, whoever owns them."""
    hostile = password_server.hostile
    evil = f"evil_{uuid.uuid4().hex[:8]}"
    password_server.create(evil, f"owner {hostile}")
    try:
        with psycopg.connect(password_server.url(evil, hostile), autocommit=True) as connection:
            connection.execute("create schema evil")
            connection.execute("create table evil.log (who text)")
            connection.execute(
                """
                create function evil.note(text) returns text language plpgsql as $$
                begin insert into evil.log values (current_user); return 'password=x'; end $$
                """
            )
            connection.execute(
                """
                create view evil.pg_user_mappings as
                select 'sqlembed_loopback'::name as srvname, array[evil.note('')] as umoptions
                """
            )
            connection.execute("grant all on all tables in schema evil to public")
            connection.execute(f"alter database {evil} set search_path = evil, pg_catalog")
        migrate.upgrade(password_server.engine(database))
        with psycopg.connect(password_server.url(evil, hostile)) as connection:
            assert connection.execute("select who from evil.log").fetchall() == []
    finally:
        password_server.drop(evil)


def test_migrating_uses_no_object_that_hides_one_of_postgresql(
    password_server: PasswordServer, database: str
) -> None:
    with psycopg.connect(password_server.url(database), autocommit=True) as admin:
        admin.execute("create schema evil")
        admin.execute("create table evil.log (who text)")
        for function in ("to_regnamespace(text)", "to_regrole(text)", "hashtext(text)"):
            admin.execute(
                f"""
                create function evil.{function} returns int language plpgsql as $$
                begin insert into evil.log values ('{function}'); return null; end $$
                """
            )
        admin.execute(f"alter database {database} set search_path = evil, pg_catalog, public")
    migrate.upgrade(password_server.engine(database))
    with psycopg.connect(password_server.url(database)) as admin:
        assert admin.execute("select who from evil.log").fetchall() == []


def test_uninstall_leaves_what_an_administrator_made(realm: Realm) -> None:
    engine = realm.server.engine(realm.database, realm.server.owner)
    admin = realm.connect()
    admin.execute("create table public.mine (id int, v public.vector(8))")
    kept = migrate.uninstall(engine)
    assert [line.partition(":")[0] for line in kept] == [
        "schema sqlembed_dblink",
        "role sqlembed_loopback",
    ]
    assert admin.execute(
        "select nspname from pg_namespace where nspname like 'sqlembed%'"
    ).fetchall() == [("sqlembed_dblink",)]
    assert admin.execute("select count(v) from public.mine").fetchone() == (0,)
    with engine.connect() as connection:
        assert (
            connection.execute(
                sa.text("select to_regprocedure('sqlembed.embed(text,text)')")
            ).scalar()
            is None
        )
