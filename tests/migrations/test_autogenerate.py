"""Autogenerate: every change is seen once, by its cheapest operation, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pgvector.sqlalchemy import HALFVEC, VECTOR

from sqlembed.orm import Embedded
from tests.migrations.application import Application, body
from tests.migrations.histories import article, rows, state, up_down_up
from tests.writing import embed_all, hash_registry

CHANGES: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({}, {"source": "body"}, "source='body', existing_source='title'"),
    ({}, {"timing": "sync"}, "timing='sync', existing_timing='async'"),
    ({}, {"on_change": "keep"}, "on_change='keep', existing_on_change='hide'"),
    (
        {},
        {"metric": "euclidean"},
        "metric='euclidean', existing_metric='cosine', existing_index='hnsw',"
        " existing_storage='vector', existing_dimensions=8, concurrently=True",
    ),
    ({}, {"index": "none"}, "index='none', existing_index='hnsw'"),
    (
        {},
        {"index_options": {"m": 24, "ef_construction": 128}},
        "index_options={'m': 24, 'ef_construction': 128}, existing_index_options={},"
        " existing_metric='cosine', existing_index='hnsw', existing_storage='vector',"
        " existing_dimensions=8, concurrently=True",
    ),
    (
        {"index_options": {"m": 24}},
        {"index": "binary"},
        "index='binary', index_options={}, existing_index='hnsw',"
        " existing_index_options={'m': 24}, existing_metric='cosine', existing_storage='vector',"
        " existing_dimensions=8, concurrently=True",
    ),
    (
        {},
        {"index": "prefix", "index_options": {"dimensions": 4}},
        "index='prefix', index_options={'dimensions': 4}, existing_index='hnsw',"
        " existing_index_options={}, existing_metric='cosine', existing_storage='vector',"
        " existing_dimensions=8, concurrently=True",
    ),
    (
        {"chunking": {"characters": 100}},
        {"chunking": {"characters": 200, "overlap": 20}},
        "chunking={'characters': 200, 'overlap': 20}, existing_chunking={'format': 'plain',"
        " 'overlap': 0, 'headings': False, 'characters': 100}",
    ),
    (
        {},
        {"full_text": "english"},
        "full_text='english', existing_full_text=''",
    ),
]


@pytest.fixture
def application(tmp_path: Path, engine: sa.Engine) -> Application:
    return Application(tmp_path, engine)


def declare(application: Application, metadata: sa.MetaData) -> None:
    application.metadata = metadata
    application.revise()
    application.upgrade()
    assert application.differences() == []


@pytest.mark.parametrize(("before", "after", "arguments"), CHANGES)
def test_a_change_becomes_one_cheap_operation(
    application: Application,
    url: str,
    before: dict[str, Any],
    after: dict[str, Any],
    arguments: str,
) -> None:
    declare(application, article(source="title") if not before else article(**before))
    rows(application, "insert into article values (1, 'one', 'first')")
    embed_all(url)
    numbers = (
        "select attnum from pg_attribute"
        " where attrelid = 'article'::regclass and attname = 'embedding'"
    )
    number = rows(application, numbers)
    application.metadata = article(**({"source": "title"} | after))
    text = application.revise()
    assert body(text, "upgrade") == f"op.alter_embedding('article', 'embedding', {arguments})"
    up_down_up(application)
    if "chunking" in after:
        return
    held = rows(application, "select embedding is not null from article")
    assert held == [(True,)]
    assert rows(application, numbers) == number


def test_how_a_source_is_written_does_not_matter(application: Application) -> None:
    declare(application, article(source="title || ' ' || body"))
    application.metadata = article(source="( title||' ' ) ||   article.body -- the text\n")
    assert application.differences() == []
    application.metadata = article(source="title || '  ' || body")
    assert len(application.differences()) == 1


def test_a_source_follows_columns_that_come_in_the_same_revision(application: Application) -> None:
    declare(application, article(source="title"))
    application.metadata = article(source="title || lead")
    application.metadata.tables["article"].append_column(sa.Column("lead", sa.Text))
    text = application.revise()
    assert text.index("op.add_column") < text.index("op.alter_embedding")
    up_down_up(application)


@pytest.mark.parametrize(
    "options", [{}, {"place": "side"}, {"chunking": {"characters": 100}}, {"full_text": "english"}]
)
def test_a_column_of_the_source_changes_its_type(
    application: Application, url: str, options: dict[str, Any]
) -> None:
    """Triggers that name it do not allow it, so they are taken off meanwhile; vectors stay."""
    declare(application, article(source="title", **options))
    rows(application, "insert into article values (1, 'one', 'first')")
    embed_all(url)
    holder = "article_embedding" if "place" in options or "chunking" in options else "article"
    vectors = f"select embedding::text, embedding is not null from {holder}"
    ((vector, is_there),) = rows(application, vectors)
    assert is_there
    metadata = article(source="title", **options)
    metadata.tables["article"].c.title.type = sa.String(80)
    application.metadata = metadata
    up = body(application.revise(), "upgrade")
    positions = [up.index(f"op.{name}(") for name in ("drop_embedding", "alter_column")]
    assert positions == sorted(positions) and up.index("op.create_embedding(") > positions[1]
    up_down_up(application)
    if holder == "article":
        assert rows(application, vectors) == [(vector, True)]
    embed_all(url)
    assert rows(application, vectors) == [(vector, True)]


@pytest.mark.parametrize("options", [{"place": "side"}, {"chunking": {"characters": 100}}])
def test_place_makes_it_anew(application: Application, options: dict[str, Any]) -> None:
    declare(application, article(source="title"))
    application.metadata = article(source="title", **options)
    text = application.revise()
    assert "op.drop_embedding('article', 'embedding')" in body(text, "upgrade")
    assert f"{next(iter(options))}=" in body(text, "upgrade")
    up_down_up(application)


@pytest.mark.parametrize("options", [{"place": "side"}, {"chunking": {"characters": 100}}])
def test_a_side_table_comes_and_goes(application: Application, options: dict[str, Any]) -> None:
    declare(application, article())
    application.metadata = article(source="title", **options)
    application.revise()
    up_down_up(application)
    application.metadata = article()
    application.revise()
    up_down_up(application)


def test_a_dropped_table_takes_its_embedding_along(application: Application) -> None:
    declare(application, article(source="title", full_text="english"))
    application.metadata = sa.MetaData()
    text = application.revise()
    assert "full_text" not in body(text, "downgrade").partition("op.create_embedding")[0]
    up_down_up(application)


def test_a_column_of_its_own_index_and_comment(application: Application) -> None:
    declare(application, article())
    metadata = article(source="title")
    table = metadata.tables["article"]
    table.c.embedding.comment = "of the title"
    sa.Index(
        "mine",
        table.c.embedding,
        postgresql_using="hnsw",
        postgresql_ops={"embedding": "vector_cosine_ops"},
    )
    application.metadata = metadata
    text = application.revise()
    assert "import pgvector.sqlalchemy" in text
    up_down_up(application)
    assert rows(application, "select index_name from sqlembed.embedding") == [(None,)]
    application.metadata = article()
    application.revise()
    up_down_up(application)


def test_vectors_stay_where_a_revision_is_taken_back(application: Application, url: str) -> None:
    declare(application, article())
    rows(application, "insert into article values (1, 'one', 'first')")
    application.metadata = article(source="title")
    application.revise()
    application.upgrade()
    embed_all(url)
    held = "select embedding is not null from article"
    assert rows(application, held) == [(True,)]
    application.downgrade()
    assert rows(application, held) == [(True,)]
    application.upgrade()
    assert rows(application, held) == [(True,)]
    assert rows(application, "select count(*) from sqlembed.change where key <> '[]'") == [(0,)]


def test_nothing_of_sqlembed_is_foreign(application: Application, url: str) -> None:
    """Side tables, full text, indexes and partitions of them are not to be dropped."""
    application.options = {"include_schemas": True}
    metadata = article(source="title", full_text="english", index_options={"m": 8})
    sa.Table(
        "memo",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("body", sa.Text),
        sa.Column("v", VECTOR(8), Embedded("hash", source="body", place="side")),
    )
    sa.Table(
        "part",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("body", sa.Text),
        sa.Column("v", VECTOR(8), Embedded("hash", source="body", full_text="simple")),
        postgresql_partition_by="RANGE (id)",
    )
    declare(application, metadata)
    rows(application, "create table part_1 partition of part for values from (0) to (10)")
    sa.Table(
        "part_1",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("body", sa.Text),
        sa.Column("v", VECTOR(8)),
    )
    rows(application, "insert into memo values (1, 'x')")
    embed_all(url)
    assert application.differences() == []
    application.metadata = metadata
    assert body(application.revise("nothing"), "upgrade") == "pass"


def test_the_schema_is_installed_first(tmp_path: Path, empty_url: str) -> None:
    engine = sa.create_engine(empty_url.replace("postgresql://", "postgresql+psycopg://"))
    application = Application(tmp_path, engine, article(source="title"))
    text = application.revise()
    assert body(text, "upgrade").startswith("op.upgrade_sqlembed('0001')")
    assert body(text, "downgrade").endswith(
        "op.downgrade_sqlembed('base', existing_revision='0001')"
    )
    assert "import pgvector.sqlalchemy" in text
    for _ in range(2):
        application.upgrade()
        assert application.differences() == []
        assert rows(application, "select name from sqlembed.embedding") == [("embedding",)]
        application.downgrade("base")
        assert rows(application, "select to_regclass('sqlembed.embedding')::text") == [(None,)]
        found = rows(application, "select extname from pg_extension where extname = 'vector'")
        assert found == [("vector",)]
    engine.dispose()


def test_odd_names(application: Application) -> None:
    rows(application, """create schema "S %""'x" """)
    application.options = {"include_schemas": True}
    metadata = sa.MetaData()
    sa.Table(
        "Wörter \"%'s",
        metadata,
        sa.Column("id %", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("select", sa.Text),
        sa.Column(
            "v %s :x '\\", VECTOR(8), Embedded("hash", source="E'\\n\\\\%:a''' || \"select\"")
        ),
        schema="S %\"'x",
    )
    application.metadata = metadata
    application.revise()
    up_down_up(application)
    assert body(application.revise("nothing"), "upgrade") == "pass"


def test_what_is_filtered_out_stays(application: Application) -> None:
    declare(application, article(source="title"))
    application.metadata = article(source="body")
    application.options = {"include_object": lambda _, name, kind, *__: name != "article"}
    assert application.differences() == []
    application.options = {"include_object": lambda _, name, kind, *__: name != "embedding"}
    assert application.differences() == []
    application.metadata = sa.MetaData()
    application.options = {"include_name": lambda name, kind, _: name != "article"}
    assert application.differences() == []


def test_several_metadata(application: Application) -> None:
    other = sa.MetaData()
    sa.Table(
        "other",
        other,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("body", sa.Text),
        sa.Column("v", VECTOR(8), Embedded("hash", source="body")),
    )
    application.options = {"target_metadata": [article(source="title"), other]}
    application.revise()
    up_down_up(application)


def test_a_vector_without_embedding_is_alembics(application: Application) -> None:
    def bare(type_: Callable[[int], Any]) -> sa.MetaData:
        metadata = sa.MetaData()
        sa.Table("bare", metadata, sa.Column("id", sa.Integer, primary_key=True),
                 sa.Column("v", type_(8)))  # fmt: skip
        return metadata

    declare(application, bare(VECTOR))
    before = state(application)
    application.metadata = bare(HALFVEC)
    assert "op.alter_column" in application.revise()
    assert state(application) == before
    embed_all(str(application.engine.url.set(drivername="postgresql")
                  .render_as_string(hide_password=False)), hash_registry("hash"))  # fmt: skip


@pytest.mark.parametrize("place", ["row", "side"])
def test_a_column_of_clusters_is_the_models(application: Application, url: str, place: str) -> None:
    """A model that has it finds no difference; one beside the table is nobody's business."""
    declare(application, article(source="title", place=place))
    rows(application, "insert into article values (1, 'one', 'first'), (2, 'two', 'second')")
    embed_all(url, hash_registry("hash"))
    holder = "article" if place == "row" else "article_embedding"
    application.write(f"op.create_clustering({holder!r}, 'topics', num_clusters=2)")
    application.upgrade()
    if place == "row":
        assert "op.drop_column('article', 'cluster')" in application.revise()
        application.forget()
        application.metadata.tables["article"].append_column(sa.Column("cluster", sa.Integer))
    assert application.differences() == []
    assert rows(application, f"select count(cluster) from {holder}") == [(2,)]


@pytest.mark.parametrize("options", [{}, {"place": "side"}, {"index": "binary"}])
def test_generations_beside_are_not_found(
    application: Application, url: str, options: dict[str, Any]
) -> None:
    declare(application, article(source="title", **options))
    rows(application, "insert into article values (1, 'one', 'first')")
    embed_all(url, hash_registry("hash", "other"))
    rows(application, "select sqlembed.create_generation('article', 'other')")
    ((statement,),) = rows(application, "select sqlembed.generation_index('article')")
    rows(application, statement.replace("concurrently ", ""))
    assert application.differences() == []
    embed_all(url, hash_registry("hash", "other"))
    rows(application, "select sqlembed.switch_generation('article')")
    assert len(application.differences()) == 1
    application.metadata = article(source="title", embedder="other", **options)
    assert application.differences() == []
