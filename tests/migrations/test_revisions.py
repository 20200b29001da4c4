"""The revisions: what they make, that they can be taken back, and that files and database agree."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sqlalchemy as sa

from sqlembed import config, errors
from sqlembed.schema import functions, migrate, revisions

OUTSIDE = """
select nspname::text from pg_namespace
where nspname not like 'pg\\_%' and nspname <> 'information_schema'
union all
select c.oid::regclass::text from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where n.nspname = 'public' and not exists (
    select from pg_depend as d
    where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
)
union all
select p.oid::regprocedure::text from pg_proc as p
where p.pronamespace = 'public'::regnamespace and not exists (
    select from pg_depend as d
    where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
)
union all
select 'server ' || srvname from pg_foreign_server
union all
select 'event trigger ' || evtname from pg_event_trigger
order by 1
"""


@pytest.fixture
def empty(empty_url: str) -> sa.Engine:
    """Engine of an empty database."""
    return sa.create_engine(config.sqlalchemy_url(empty_url), poolclass=sa.NullPool)


def objects(engine: sa.Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.execute(functions.verbatim(OUTSIDE)).scalars())


def test_files_and_revisions_agree(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        assert functions.drift(connection) == {}


def test_drift_is_seen(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            functions.verbatim(
                "create or replace function sqlembed._blank(input text) returns boolean"
                " language sql immutable parallel safe as 'select false';"
                "create function sqlembed.left_over() returns integer language sql as 'select 1'"
            )
        )
        assert set(functions.drift(connection)) == {
            "sqlembed._blank(text)",
            "sqlembed.left_over()",
        }


def test_up_down_up(empty: sa.Engine) -> None:
    before = objects(empty)
    assert migrate.upgrade(empty) == []
    first = objects(empty)
    assert set(first) - set(before) == {
        "sqlembed",
        "sqlembed_wire",
        "sqlembed_dblink",
        "server sqlembed_loopback",
    }
    migrate.downgrade(empty, "base")
    with empty.connect() as connection:
        assert migrate.current(connection) is None
        assert functions.installed(connection) == {}
    assert migrate.upgrade(empty) == []
    assert objects(empty) == first
    with empty.connect() as connection:
        migrate.check(connection)
        assert functions.drift(connection) == {}


def test_without_the_schema_the_error_says_what_to_do(empty: sa.Engine) -> None:
    with empty.connect() as connection, pytest.raises(errors.NotInstalled) as caught:
        migrate.check(connection)
    assert "sqlembed migrate" in (caught.value.hint or "")


def test_revision_files_are_named_by_number_and_purpose() -> None:
    folder = revisions.migrations_folder() / "versions"
    names = sorted(path.name for path in folder.glob("*.py"))
    assert names
    for number, name in enumerate(names, start=1):
        assert re.fullmatch(rf"{number:04}_[a-z_]+\.py", name)
    newest = max(folder.glob("*_functions.sql"))
    assert newest.read_text(encoding="utf-8") == functions.script()


def test_every_function_says_what_it_does(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        silent = connection.execute(
            functions.verbatim(
                """
                select p.oid::regprocedure::text from pg_proc as p
                where p.pronamespace in ('sqlembed'::regnamespace, 'sqlembed_wire'::regnamespace)
                    and obj_description(p.oid, 'pg_proc') is null
                union all
                select c.oid::regclass || '.' || a.attname
                from pg_class as c
                join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
                where c.relnamespace = 'sqlembed'::regnamespace
                    and c.relkind in ('r', 'v')
                    and c.relname <> 'alembic_version'
                    and col_description(c.oid, a.attnum) is null
                """
            )
        ).scalars()
        assert list(silent) == []


def test_one_function_a_file() -> None:
    for name, text in functions.sql_files().items():
        made = re.findall(
            r"^create or replace (?:function|procedure|view) (sqlembed[^\s%]+?)(?:\(| as| with|$)",
            text,
            re.M,
        )
        assert len(made) == 1, name
        assert Path(name).name.startswith(made[0].rpartition(".")[2]), name
