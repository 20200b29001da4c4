"""Another embedder for a table in use, by revisions: one begins the generation, one switches."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from pgvector.sqlalchemy import VECTOR
from sqlalchemy import select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker

import sqlembed
from sqlembed.alembic import DropGenerationOp, RollbackGenerationOp
from sqlembed.errors import InputError
from sqlembed.orm import Embedded
from tests.fix_worker import serving
from tests.migrations.application import Application, body
from tests.migrations.histories import article, psql, rows, state
from tests.writing import embed_all, hash_registry

GENERATIONS = "select generation, place, embedder, dimensions from sqlembed.generation order by 1"
HELD = "select count(embedding) from {}"

SWITCH = "op.switch_generation('article', 'embedding'{})"


@pytest.fixture
def application(tmp_path: Path, engine: sa.Engine) -> Application:
    return Application(tmp_path, engine, transaction_per_migration=True)


def registry() -> Any:
    made = hash_registry("hash", "other", "third")
    made.embedder("wide", dimensions=16)(lambda texts: [[1.0] * 16 for _ in texts])
    return made


def embed(application: Application) -> None:
    url = application.engine.url.set(drivername="postgresql")
    embed_all(url.render_as_string(hide_password=False), registry())


def declare(application: Application, metadata: sa.MetaData) -> None:
    """Bring a table of rows to what models say, and embed them."""
    revise(application, article())
    rows(application, "insert into article select i, 'a' || i, 'b' from generate_series(1, 9) i")
    revise(application, metadata)
    embed(application)
    assert application.differences() == []


def revise(application: Application, metadata: sa.MetaData) -> tuple[str, str]:
    """Autogenerate a revision and apply it; returns its upgrade and its downgrade."""
    application.metadata = metadata
    text = application.revise()
    application.upgrade()
    return body(text, "upgrade"), body(text, "downgrade")


@pytest.mark.parametrize(
    ("before", "after", "changes", "said"),
    [
        ({}, {"embedder": "wide", "dimensions": 16}, "embedder='wide', dimensions=16", ""),
        ({}, {"halfvec": True}, "storage='halfvec'", ", storage='halfvec'"),
        (
            {"metric": "l1", "timing": "sync"},
            {"metric": "euclidean", "timing": "sync", "embedder": "other"},
            "embedder='other', dimensions=8, metric='euclidean'",
            ", metric='euclidean'",
        ),
        (
            {"index": "binary", "place": "side"},
            {"index": "binary", "place": "side", "embedder": "wide", "dimensions": 16},
            "embedder='wide', dimensions=16",
            ", dimensions=16, index='binary', place='side'",
        ),
        (
            {},
            {
                "embedder": "other",
                "source": "body",
                "index": "prefix",
                "index_options": {"dimensions": 4},
            },
            "embedder='other', dimensions=8, source='body', index='prefix',"
            " index_options={'dimensions': 4}",
            ", index='prefix', index_options={'dimensions': 4}",
        ),
        (
            {"chunking": {"characters": 100}},
            {"chunking": {"characters": 60}, "embedder": "other"},
            "embedder='other', dimensions=8, chunking={'characters': 60}",
            ", place='side'",
        ),
        ({"index": "none"}, {"index": "none", "halfvec": True}, "storage='halfvec'", None),
    ],
)
def test_two_revisions_lead_to_another_embedder(
    application: Application,
    before: dict[str, Any],
    after: dict[str, Any],
    changes: str,
    said: str | None,
) -> None:
    source = {"source": "title"}
    declare(application, article(**source | before))
    first = state(application)
    holder = "article_embedding" if "place" in before or "chunking" in before else "article"
    up, down = revise(application, article(**source | after))
    assert up == f"op.create_generation('article', 'embedding', {changes})"
    assert down == "op.abandon_generation('article', 'embedding')"
    # Searches go on with what there is, and nothing more is to be done until it is filled.
    assert rows(application, HELD.format(holder)) == [(9,)]
    assert application.differences() == []
    with pytest.raises(sa.exc.DBAPIError, match="no worker has begun"):
        rows(application, "select sqlembed.switch_generation('article')")
    embed(application)
    assert rows(application, HELD.format(holder)) == [(9,)]
    ((kind, *_),) = application.differences()
    assert kind == "switch_generation"
    up, down = revise(application, application.metadata)
    if said is None:
        said = ", storage='halfvec', index='none'"
    assert up == SWITCH.format(said)
    assert down == "op.rollback_generation('article', 'embedding')"
    assert rows(application, HELD.format(holder)) == [(9,)]
    assert application.differences() == []
    last = state(application)
    assert [row[0] for row in rows(application, GENERATIONS)] == ["current", "previous"]
    # Back, and there again.
    application.downgrade("-2")
    assert state(application) == first
    application.upgrade("+1")
    embed(application)
    application.upgrade()
    assert state(application) == last


def test_what_is_not_filled_is_not_switched(application: Application) -> None:
    declare(application, article(source="title"))
    revise(application, article(source="title", embedder="other"))
    application.write("op.switch_generation('article')", "op.rollback_generation('article')")
    before = state(application)
    with pytest.raises(sa.exc.DBAPIError, match=r"no worker has begun[\s\S]*sqlembed worker"):
        application.upgrade()
    rows(application, "select sqlembed._queue_generations()")
    with pytest.raises(sa.exc.DBAPIError, match=r"9 rows of article still wait[\s\S]*status"):
        application.upgrade()
    assert state(application) == before
    embed(application)
    application.upgrade()
    application.downgrade()
    assert [row[2] for row in rows(application, GENERATIONS)] == ["hash", "other"]


@pytest.mark.parametrize("step", ["create", "switch", "rollback", "drop"])
def test_a_busy_table_is_waited_for_as_was_told(application: Application, step: str) -> None:
    declare(application, article(source="title"))
    statements = {
        "create": "op.create_generation('article', embedder='other')",
        "switch": "op.switch_generation('article')",
        "rollback": "op.rollback_generation('article')",
        "drop": "op.drop_generation('article')",
    }
    for before in {"create": [], "switch": ["create"]}.get(step, ["create", "switch"]):
        application.write(statements[before])
        application.upgrade()
        embed(application)
    application.write(statements[step])
    application.options |= {"sqlembed_lock_timeout": "20ms", "sqlembed_lock_attempts": 2}
    if step == "switch":
        ((statement,),) = rows(application, "select sqlembed.generation_index('article')")
        rows(application, statement.replace("concurrently ", ""))
    found = rows(application, GENERATIONS)
    with application.engine.connect() as busy:
        busy.execute(sa.text("select from article"))
        began = time.monotonic()
        with pytest.raises(sa.exc.DBAPIError, match="in use, and did not become free"):
            application.upgrade()
        assert time.monotonic() - began < 10
        assert rows(application, GENERATIONS) == found
    application.upgrade()
    assert rows(application, GENERATIONS) != found


def test_a_new_database_takes_the_whole_history(application: Application) -> None:
    """Without a worker: there is no vector yet that could be lost."""
    application.metadata = article(source="title")
    application.revise()
    application.upgrade()
    rows(application, "insert into article values (1, 'seed', 'row')")
    application.metadata = article(source="title", embedder="other")
    application.revise()
    application.upgrade()
    # When to switch cannot be told here.
    assert application.differences() == []
    application.write(
        "op.switch_generation('article')\nop.drop_generation('article')",
        "op.create_generation('article', embedder='hash', generation='previous')\n"
        "op.rollback_generation('article')",
    )
    for _ in range(2):
        application.upgrade()
        assert application.differences() == []
        assert rows(application, GENERATIONS) == [("current", "article.embedding", "other", 8)]
        application.downgrade()
        assert [row[2] for row in rows(application, GENERATIONS)] == ["hash", "other"]
    application.upgrade()
    embed(application)
    assert rows(application, HELD.format("article")) == [(1,)]


def test_the_previous_one_comes_back_and_goes(application: Application) -> None:
    declare(application, article(source="title"))
    revise(application, article(source="title", embedder="other"))
    embed(application)
    revise(application, application.metadata)
    # The model goes back to what is there yet.
    up, down = revise(application, article(source="title"))
    assert up == "op.rollback_generation('article', 'embedding')"
    assert down == "op.switch_generation('article', 'embedding', index='none')"
    assert application.differences() == []
    # And on to a third, in the place of the one that nobody wants.
    third = article(source="title", embedder="third")
    up, down = revise(application, third)
    assert up == (
        "op.abandon_generation('article', 'embedding')\n"
        "    op.create_generation('article', 'embedding', embedder='third', dimensions=8)"
    )
    assert down == (
        "op.abandon_generation('article', 'embedding')\n"
        "    op.create_generation('article', 'embedding', embedder='other', dimensions=8)"
    )
    embed(application)
    revise(application, third)
    up, down = revise(application, article(source="title", embedder="wide", dimensions=16))
    assert up.startswith("op.drop_generation('article', 'embedding')\n")
    assert down.endswith(
        "op.create_generation('article', 'embedding', embedder='hash', dimensions=8,"
        " generation='previous')"
    )
    application.downgrade()
    embed(application)
    # Its index is built where it is missing.
    application.forget()
    application.write("op.rollback_generation('article')")
    application.upgrade()
    assert rows(application, GENERATIONS)[0] == ("current", "article.embedding", "hash", 8)
    assert rows(application, HELD.format("article")) == [(9,)]


def test_what_is_no_vector_is_altered_first(application: Application) -> None:
    declare(application, article(source="title", full_text="english"))
    up, _ = revise(
        application,
        article(source="body", full_text="english", embedder="other", on_change="keep"),
    )
    assert up == (
        "op.alter_embedding('article', 'embedding', source='body', on_change='keep',"
        " existing_source='title', existing_on_change='hide')\n"
        "    op.create_generation('article', 'embedding', embedder='other', dimensions=8)"
    )
    embed(application)
    application.metadata = article(source="body", embedder="other", timing="sync")
    up = body(application.revise(), "upgrade")
    assert up == SWITCH.format("")
    application.upgrade()
    # What changed meanwhile comes after it.
    up, _ = revise(application, application.metadata)
    assert "timing='sync', on_change='hide', full_text=''" in up
    assert application.differences() == []


@pytest.mark.parametrize("options", [{}, {"place": "side"}, {"timing": "sync"}])
def test_a_script_does_what_is_done_online(
    application: Application, url: str, options: dict[str, Any]
) -> None:
    declare(application, article(source="title", **options))
    models = article(source="title", index="binary", embedder="wide", dimensions=16, **options)
    application.metadata = models
    application.revise()
    psql(url, application.script("0002:0003"))
    embed(application)
    assert "index='binary'" in body(application.revise(), "upgrade")
    script = application.script("0003:0004")
    assert "CREATE INDEX CONCURRENTLY" in script
    psql(url, script)
    assert application.differences() == []
    scripted = state(application)
    back = application.script("0004:0003", down=True)
    assert "CREATE INDEX" not in back
    psql(url, back)
    assert [row[0] for row in rows(application, GENERATIONS)] == ["current", "next"]
    # Now its index is there.
    psql(url, script)
    assert state(application) == scripted
    psql(url, application.script("0004:0002", down=True))
    application.upgrade("0003")
    embed(application)
    application.upgrade()
    assert state(application) == scripted


def test_what_an_interrupted_build_has_left(application: Application) -> None:
    declare(application, article(source="title"))
    revise(application, article(source="title", embedder="other"))
    embed(application)
    ((name,),) = rows(
        application, "select index_name from sqlembed.embedding where generation = 'next'"
    )
    rows(
        application,
        f"create index {name} on article using hnsw (embedding_next vector_cosine_ops)",
    )
    rows(
        application, f"update pg_index set indisvalid = false where indexrelid = '{name}'::regclass"
    )
    up, _ = revise(application, application.metadata)
    assert up == SWITCH.format("")


def test_odd_names(application: Application) -> None:
    rows(application, """create schema "S %""'x" """)
    application.options |= {"include_schemas": True}

    def models(embedder: str) -> sa.MetaData:
        metadata = sa.MetaData()
        embedded = Embedded(embedder, source='"select"')
        sa.Table(
            "Wörter :x \"%'s",
            metadata,
            sa.Column("id %", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("select", sa.Text),
            sa.Column("v %s :x '\\" + "y" * 50, VECTOR(8), embedded),
            schema="S %\"'x",
        )
        return metadata

    application.metadata = models("hash")
    application.revise()
    application.upgrade()
    rows(application, """insert into "S %""'x"."Wörter \\:x ""%'s" values (1, 'x')""")
    embed(application)
    for _ in range(2):
        application.metadata = models("other")
        application.revise()
        application.upgrade()
        embed(application)
    assert application.differences() == []
    assert [row[2] for row in rows(application, GENERATIONS)] == ["other", "hash"]


@pytest.mark.parametrize("options", [{}, {"place": "side"}])
def test_an_embedding_goes_with_its_generations_and_all_comes_back(
    application: Application, options: dict[str, Any]
) -> None:
    declare(application, article(source="title", **options))
    first = state(application)
    for _ in range(2):
        revise(application, article(source="title", embedder="other", **options))
        embed(application)
    up, down = revise(application, article())
    assert up.startswith(
        "op.drop_generation('article', 'embedding')\n    op.drop_embedding('article', 'embedding'"
    )
    assert down.index("op.create_embedding(") < down.index("generation='previous')")
    assert application.differences() == []
    application.downgrade()
    embed(application)
    assert [row[2] for row in rows(application, GENERATIONS)] == ["other", "hash"]
    application.downgrade("-2")
    assert rows(application, GENERATIONS) == [
        ("current", "article_embedding" if options else "article.embedding", "hash", 8)
    ]
    assert state(application)[0] == first[0]


def test_models_are_ahead_of_the_database_while_it_is_built(
    application: Application, url: str
) -> None:
    """They read, write and search as long as the present generation is the one in use."""
    declare(application, article(source="title"))

    class Base(DeclarativeBase):
        pass

    class Article(Base):
        __tablename__ = "article"
        id: Mapped[int] = mapped_column(primary_key=True)
        title: Mapped[str | None] = mapped_column(sa.Text)
        body: Mapped[str | None] = mapped_column(sa.Text)
        embedding: Mapped[Any | None] = mapped_column(
            VECTOR(16), Embedded("wide", source="title"), deferred=True
        )

    revise(application, Base.metadata)
    sessions = sessionmaker(application.engine)
    sqlembed.attach(sessions, registry())
    with serving(url, registry()):
        for number, length in ((20, 8), (21, 16)):
            with sessions.begin() as session:
                session.add(Article(id=number, title=f"new {number}"))
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("call sqlembed.wait_until_embedded('article')")
            with sessions() as session:
                hits = sqlembed.search(Article, f"new {number}", k=30)
                found = session.execute(select(hits.entity, hits.distance)).all()
                assert len(found) == number - 10
                assert f"new {number}" in {article.title for article, _ in found}
                vector = session.get_one(Article, number).embedding
                assert vector is not None and len(vector) == length
            if number == 20:
                embed(application)
                revise(application, Base.metadata)


@pytest.mark.parametrize("name", ["create", "switch", "rollback"])
def test_bad_arguments(application: Application, name: str) -> None:
    declare(application, article(source="title"))
    application.write(f"op.{name}_generation('article', colour='red')")
    with pytest.raises(InputError, match="colour"):
        application.upgrade()


def test_what_is_not_known_cannot_be_reversed() -> None:
    with pytest.raises(ValueError, match="reversed"):
        DropGenerationOp(table_name="article").reverse()
    assert RollbackGenerationOp(table_name="article").reverse().index == "none"
