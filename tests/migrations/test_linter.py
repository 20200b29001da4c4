"""Scripts that run on databases in use pass squawk: our own schema, and what revisions print."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from sqlembed.schema import migrate
from tests.migrations.application import Application

OWN = (
    # They speak of changing a table in use.
    "require-lock-timeout",
    "require-statement-timeout",
    # Nobody has as many workers, embeddings or clusters.
    "prefer-bigint-over-int",
    # The numbers of columns are what PostgreSQL keeps them as.
    "prefer-bigint-over-smallint",
    # Alembic's own version table.
    "prefer-text-field",
)

#: A build that keeps nobody waiting may take, and wait, as long as it must.
CONCURRENT = ("require-lock-timeout", "require-statement-timeout")

TABLES = (
    "op.execute('create table article (id int primary key, title text, body text)')\n"
    "op.execute('create table memo (id int primary key, body text)')"
)

#: Every operation, in every way that prints other SQL.
OPERATIONS = [
    "op.create_embedding('article', 'hash', 'title', dimensions=8)",
    "op.alter_embedding('article', source='body', existing_source='title')",
    "op.alter_embedding('article', metric='l1', existing_metric='cosine',"
    " existing_storage='vector', concurrently=True)",
    "op.alter_embedding('article', index='binary', existing_index='hnsw', existing_dimensions=8,"
    " concurrently=True)",
    "op.create_embedding('memo', 'hash', 'body', dimensions=8, index='prefix',"
    " index_options={'dimensions': 4, 'm': 8}, concurrently=True)",
    "op.create_embedding('memo', 'hash', 'body', embedding='cut', dimensions=8,"
    " chunking={'characters': 100})",
    "op.create_generation('article', embedder='wide', dimensions=16, index='hnsw')",
    "op.switch_generation('article')",
    "op.drop_generation('article')",
    "op.create_generation('memo', 'cut', embedder='wide', dimensions=16, index='binary')",
    "op.switch_generation('memo', 'cut', index='binary', dimensions=16, place='side')",
    "op.create_kmeans('m', 'select id, embedding from memo', num_clusters=2)",
    "op.drop_model('m')",
    "op.drop_embedding('memo', 'cut', keep_column=False)",
]


def squawk(script: str, folder: Path, excluded: tuple[str, ...]) -> str:
    """Return what the linter finds fault with."""
    file = folder / "script.sql"
    file.write_text(script, encoding="utf-8")
    command = [str(Path(sys.executable).with_name("squawk")), "--pg-version=15", "--reporter=gcc"]
    options = [f"--exclude={rule}" for rule in excluded]
    done = subprocess.run([*command, *options, str(file)], capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stderr
    assert bool(done.stdout) == bool(done.returncode), done.stdout + done.stderr
    return done.stdout


def test_what_stalls_writers_is_found(tmp_path: Path) -> None:
    said = squawk("create index i on article using hnsw (v);", tmp_path, CONCURRENT)
    assert "require-concurrent-index-creation" in said
    said = squawk(
        "begin; create index concurrently if not exists i on article (v); commit;",
        tmp_path,
        CONCURRENT,
    )
    assert "ban-concurrent-index-creation-in-transaction" in said


def test_the_schema(tmp_path: Path) -> None:
    assert squawk(migrate.script(), tmp_path, OWN) == ""


@pytest.mark.parametrize("per_migration", [True, False])
def test_what_revisions_print(tmp_path: Path, engine: sa.Engine, per_migration: bool) -> None:
    application = Application(tmp_path, engine, transaction_per_migration=per_migration)
    application.write(TABLES)
    for operation in OPERATIONS:
        application.write(operation)
    application.write("op.rollback_generation('article')", "op.switch_generation('article')")
    script = application.script("0001:head")
    assert script.count("CREATE INDEX CONCURRENTLY") == 5
    assert squawk(script, tmp_path, CONCURRENT) == ""
    back = application.script("head:0015", down=True)
    assert squawk(back, tmp_path, CONCURRENT) == ""
