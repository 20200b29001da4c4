"""Models that change, and how their revisions are tried."""

from __future__ import annotations

import os
import re
import subprocess
from typing import Any

import sqlalchemy as sa
from pgvector.sqlalchemy import HALFVEC, VECTOR

from sqlembed.orm import Embedded
from sqlembed.server import psql_path
from tests.migrations.application import Application

CATALOGUE = sa.text("""
select relation::text, name::text, embedder, dimensions, source, declared_source, timing, on_change,
    metric, storage, index, place, full_text
from sqlembed.embedding order by 1, 2
""")

OBJECTS = sa.text("""
select c.relname || ' ' || t.tgname as name from pg_trigger as t
join pg_class as c on c.oid = t.tgrelid where not t.tgisinternal
    and c.relnamespace <> 'sqlembed'::regnamespace
union all
select pg_get_indexdef(indexrelid) from pg_index as i
join pg_class as c on c.oid = i.indrelid where c.relnamespace = 'public'::regnamespace
union all
select c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
from pg_attribute as a join pg_class as c on c.oid = a.attrelid
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and a.attnum > 0
    and not a.attisdropped
order by 1
""")


def article(*, dimensions: int = 8, halfvec: bool = False, **options: Any) -> sa.MetaData:
    """Models with one table, embedded where options are given."""
    metadata = sa.MetaData()
    columns: list[sa.Column[Any]] = []
    if options:
        embedded = Embedded(**({"embedder": "hash", "source": "title"} | options))
        type_: Any = (HALFVEC if halfvec else VECTOR)(dimensions)
        columns.append(sa.Column("embedding", type_, embedded))
    sa.Table(
        "article",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("title", sa.Text),
        sa.Column("body", sa.Text),
        *columns,
    )
    return metadata


def rows(application: Application, statement: sa.TextClause | str) -> list[tuple[Any, ...]]:
    text = sa.text(statement) if isinstance(statement, str) else statement
    with application.engine.begin() as connection:
        result = connection.execute(text)
        return [tuple(row) for row in result] if result.returns_rows else []


def psql(url: str, script: str) -> None:
    """Run a script as an administrator would."""
    done = subprocess.run(
        [psql_path(), url, "-X", "-q", "-v", "ON_ERROR_STOP=1"],
        input=script,
        capture_output=True,
        text=True,
        env={**os.environ, "PGCLIENTENCODING": "UTF8"},
    )
    assert done.returncode == 0, done.stderr


def state(application: Application) -> tuple[Any, ...]:
    # Each declaration has a number of its own.
    objects = [re.sub(r"_\d+\b", "_N", name) for (name,) in rows(application, OBJECTS)]
    return rows(application, CATALOGUE), sorted(objects)


def up_down_up(application: Application) -> None:
    """Apply the newest revision, take it back, and apply it again."""
    before = state(application)
    application.upgrade()
    after = state(application)
    assert application.differences() == []
    application.downgrade()
    again = state(application)
    assert again[0] == before[0]
    application.upgrade()
    assert state(application) == after
    assert application.differences() == []
