"""Our own schema is upgraded from every earlier revision, with data in it, and goes on."""

from __future__ import annotations

import shutil
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from sqlembed import config
from sqlembed.embedders import HashEmbedder, Registry
from sqlembed.schema import functions, migrate, revisions
from tests.writing import HASH, Connection, embed_all, outdated, rows, run, scalar

#: By the names of the files: what is here when tests are collected.
REVISIONS = sorted(
    path.name[:4] for path in revisions.migrations_folder().glob("versions/????_*.py")
)

#: What a release might add: a column to a table that has rows, and whose row type functions take.
SECOND = '''"""A second one."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table sqlembed.embedding add column remark text not null default 'none'")
    op.execute("alter table sqlembed.job add column remark text")


def downgrade() -> None:
    op.execute("alter table sqlembed.embedding drop column remark")
    op.execute("alter table sqlembed.job drop column remark")
'''

DECLARED = "select relation::text, name, embedder, generation, timing from sqlembed.embedding"


def registry() -> Registry:
    made = Registry()
    made.add(HASH)
    made.add(HashEmbedder("wide", 12))
    return made


def fill(connection: Connection, url: str) -> None:
    """Leave something in every table: rows that wait, were given up, are cached, clustered."""
    run(connection, "create table article (id int primary key, title text)")
    run(connection, "create table page (id int primary key, body text)")
    run(connection, "insert into article select i, 'text ' || i from generate_series(1, 20) i")
    run(connection, "insert into page select i, repeat('word ', 50) from generate_series(1, 5) i")
    embed_all(url, registry())
    run(
        connection,
        "select sqlembed.create_embedding('article', 'hash', 'title', full_text => 'simple')",
    )
    run(
        connection,
        "select sqlembed.create_embedding('page', 'wide', 'body',"
        " chunking => '{\"characters\": 60}', index => 'binary')",
    )
    embed_all(url, registry())
    run(connection, "select sqlembed.create_kmeans('m', 'select id, embedding from article', 3)")
    run(connection, "select sqlembed.create_generation('article', 'wide')")
    run(connection, "select sqlembed._queue_generations()")
    run(connection, "update article set title = 'changed' where id < 4")
    run(connection, "update page set body = 'changed' where id = 1")
    run(
        connection,
        "insert into sqlembed.failed_job (embedding, key, attempts, error)"
        " select id, '[9]', 5, 'bad' from sqlembed.embedding where generation = 'next'",
    )


def goes_on(connection: Connection, url: str) -> None:
    """Assert that what was begun before is finished."""
    assert scalar(connection, "select count(*) from sqlembed.failure") == 1
    run(connection, "select sqlembed.retry_failed('article', 'embedding_next')")
    embed_all(url, registry())
    assert outdated(connection, "article", "title") == []
    assert scalar(connection, "select count(distinct chunk) from page_embedding") > 1
    run(connection, scalar(connection, "select sqlembed.generation_index('article')"))
    run(connection, "select sqlembed.switch_generation('article')")
    nearest = "sqlembed.vector_search(null::article, (select embedding from article where id = 7))"
    assert scalar(connection, f"select count(*) from {nearest}") == 10
    run(connection, "select sqlembed.rollback_generation('article')")
    run(connection, "select sqlembed.abandon_generation('article')")
    assert scalar(connection, "select count(*) from sqlembed.centroids('m')") == 3
    run(connection, "insert into article values (21, 'new')")
    embed_all(url, registry())
    assert outdated(connection, "article", "title") == []


@pytest.mark.parametrize("revision", REVISIONS)
def test_from_every_revision(empty_url: str, revision: str) -> None:
    engine = sa.create_engine(config.sqlalchemy_url(empty_url), poolclass=sa.NullPool)
    assert migrate.upgrade(engine, revision) == []
    with psycopg.connect(empty_url, autocommit=True) as connection:
        fill(connection, empty_url)
        before = rows(connection, DECLARED)
        assert migrate.upgrade(engine) == []
        with engine.connect() as checked:
            migrate.check(checked)
            assert functions.drift(checked) == {}
        assert rows(connection, DECLARED) == before
        goes_on(connection, empty_url)


def test_a_second_one(empty_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There and back with data, so that the first that comes is no surprise."""
    engine = sa.create_engine(config.sqlalchemy_url(empty_url), poolclass=sa.NullPool)
    assert migrate.upgrade(engine, "0001") == []
    with psycopg.connect(empty_url, autocommit=True) as connection:
        fill(connection, empty_url)
        before = rows(connection, DECLARED)
        folder = tmp_path / "migrations"
        shutil.copytree(revisions.migrations_folder(), folder)
        (folder / "versions" / "0002_second.py").write_text(SECOND, encoding="utf-8")
        for module in (revisions, migrate):
            monkeypatch.setattr(module, "migrations_folder", lambda: folder)
        for _ in range(2):
            assert migrate.upgrade(engine) == []
            assert scalar(connection, "select min(remark) from sqlembed.embedding") == "none"
            assert rows(connection, DECLARED) == before
            migrate.downgrade(engine, "0001")
            assert rows(connection, DECLARED) == before
        assert migrate.upgrade(engine) == []
        goes_on(connection, empty_url)
