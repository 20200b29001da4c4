"""``create_all`` and ``drop_all`` of models with embeddings, on a real database."""

from __future__ import annotations

import asyncio
import re

import pytest
import sqlalchemy as sa
from pgvector.sqlalchemy import HALFVEC, VECTOR
from sqlalchemy.ext.asyncio import create_async_engine

from sqlembed import config
from sqlembed.errors import NotInstalled
from sqlembed.orm import Embedded
from tests.integration.orm_models import Base

DECLARED = sa.text(
    "select relation::text, name, embedder, declared_source, timing, on_change, metric, storage, "
    "index from sqlembed.embedding order by relation::text, name"
)


def declared(engine: sa.Engine) -> list[tuple[object, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(DECLARED)]


ARTICLE = (
    "article", "embedding", "hash", "title", "async", "hide", "cosine", "vector", "hnsw",
)  # fmt: skip


def test_create_all_declares_and_drop_all_takes_back(engine: sa.Engine) -> None:
    Base.metadata.create_all(engine)
    assert declared(engine) == [ARTICLE]
    Base.metadata.create_all(engine)
    assert declared(engine) == [ARTICLE]
    Base.metadata.drop_all(engine)
    assert declared(engine) == []
    Base.metadata.create_all(engine)
    assert declared(engine) == [ARTICLE]


def test_without_a_transaction(engine: sa.Engine) -> None:
    autocommit = engine.execution_options(isolation_level="AUTOCOMMIT")
    Base.metadata.create_all(autocommit)
    assert declared(engine) == [ARTICLE]
    Base.metadata.drop_all(autocommit)
    assert declared(engine) == []


def test_one_table_alone(engine: sa.Engine) -> None:
    table = table_with(sa.MetaData(), "title")
    table.create(engine)
    assert [row[0] for row in declared(engine)] == ["note"]
    table.drop(engine)
    assert declared(engine) == []
    table.drop(engine, checkfirst=True)


def test_every_argument_arrives(engine: sa.Engine) -> None:
    metadata = sa.MetaData()
    sa.Table(
        "note",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("title", sa.Text),
        sa.Column(
            "half",
            HALFVEC(8),
            Embedded("other", source="title", on_change="keep", metric="l1", index="none"),
        ),
        sa.Column(
            "whole", VECTOR(8), Embedded("hash", source="upper(title)", metric="inner_product")
        ),
    )
    metadata.create_all(engine)
    assert declared(engine) == [
        ("note", "half", "other", "title", "async", "keep", "l1", "halfvec", "none"),
        ("note", "whole", "hash", "upper(title)", "async", "hide", "inner_product", "vector",
         "hnsw"),
    ]  # fmt: skip


def test_smaller_indexes(engine: sa.Engine) -> None:
    metadata = sa.MetaData()
    sa.Table(
        "note",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("title", sa.Text),
        sa.Column("bits", VECTOR(8), Embedded("hash", source="title", index="binary")),
        sa.Column(
            "first",
            HALFVEC(8),
            Embedded(
                "hash", source="title", index="prefix", index_options={"dimensions": 4, "m": 8}
            ),
        ),
    )
    for _ in range(2):
        metadata.create_all(engine)
    found = sa.text(
        "select name, storage, index, index_options from sqlembed.embedding order by name"
    )
    with engine.connect() as connection:
        assert [tuple(row) for row in connection.execute(found)] == [
            ("bits", "vector", "binary", None),
            ("first", "halfvec", "prefix", {"dimensions": 4, "m": 8}),
        ]


def table_with(
    metadata: sa.MetaData, source: str | None, name: str = "note", column: str = "vector"
) -> sa.Table:
    item = [] if source is None else [Embedded("hash", source=source)]
    return sa.Table(
        name,
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("title", sa.Text),
        sa.Column(column, VECTOR(8), *item),
    )


TRICKY = "a%b :c 'd' \\e \"f\" %(g)s %%"


@pytest.mark.parametrize("driver", ["psycopg", "asyncpg"])
def test_names_and_sources_with_every_kind_of_quote(engine: sa.Engine, driver: str) -> None:
    source = r"""title || E'\n' || '%' || '%%' || '%(x)s' || ':y' || '\' || '"' || ''''"""
    metadata = sa.MetaData()
    table_with(metadata, source, TRICKY, TRICKY)
    through(engine, driver, metadata)
    ((relation, name, _, found, *_),) = declared(engine)
    assert (name, found) == (TRICKY, source)
    assert relation == '"' + TRICKY.replace('"', '""') + '"'
    with engine.connect() as connection:
        canonical = connection.scalar(sa.text("select source from sqlembed.embedding"))
        row = sa.text(
            f"select {canonical} from (select 't'::text as title) as r".replace(":", r"\:")
        )
        assert connection.scalar(row) == "t\n%%%%(x)s:y\\\"'"
    through(engine, driver, metadata, drop=True)
    assert declared(engine) == []


def through(engine: sa.Engine, driver: str, metadata: sa.MetaData, *, drop: bool = False) -> None:
    """Create or drop all in an asynchronous connection."""

    async def run() -> None:
        asynchronous = create_async_engine(engine.url.set(drivername=f"postgresql+{driver}"))
        async with asynchronous.begin() as connection:
            await connection.run_sync(metadata.drop_all if drop else metadata.create_all)
        await asynchronous.dispose()

    asyncio.run(run())


def test_script_of_a_mock_engine_runs(engine: sa.Engine) -> None:
    metadata = sa.MetaData()
    table_with(metadata, r"title || E'\n%'", TRICKY, TRICKY)
    script: list[str] = []

    def dump(statement: sa.ClauseElement, *_: object, **__: object) -> None:
        script.append(str(statement.compile(dialect=mock.dialect)))

    # A dialect that has never met a server, and whose driver leaves percent signs alone.
    mock = sa.create_mock_engine("postgresql+asyncpg://", dump)
    metadata.create_all(mock)
    with engine.begin() as connection:
        options = {"no_parameters": True}
        for statement in script:
            connection.exec_driver_sql(statement, execution_options=options)
    assert [row[3] for row in declared(engine)] == [r"title || E'\n%'"]


def test_table_that_was_there_before_is_declared(engine: sa.Engine) -> None:
    before = sa.MetaData()
    table_with(before, None)
    before.create_all(engine)
    with engine.begin() as connection:
        connection.execute(sa.text("insert into note values (1, 'food'), (2, 'drink')"))
    assert declared(engine) == []
    after = sa.MetaData()
    table_with(after, "title")
    table_with(after, "title", "second")
    after.create_all(engine)
    assert [row[0] for row in declared(engine)] == ["note", "second"]
    with engine.connect() as connection:
        assert connection.scalar(sa.text("select count(*) from sqlembed.change")) == 2


def test_table_that_is_declared_otherwise_is_left_to_a_migration(engine: sa.Engine) -> None:
    one, other = sa.MetaData(), sa.MetaData()
    table_with(one, "title")
    table_with(other, "upper(title)")
    one.create_all(engine)
    other.create_all(engine)
    assert [row[3] for row in declared(engine)] == ["title"]


def test_table_that_was_not_asked_for_and_is_not_there(engine: sa.Engine) -> None:
    metadata = sa.MetaData()
    first = table_with(metadata, "title", "first")
    table_with(metadata, "title", "second")
    metadata.create_all(engine, tables=[first])
    assert [row[0] for row in declared(engine)] == ["first"]
    metadata.drop_all(engine)
    assert declared(engine) == []


@pytest.mark.parametrize("existing", [False, True])
def test_database_without_sqlembed(empty_url: str, existing: bool) -> None:
    engine = sa.create_engine(config.sqlalchemy_url(empty_url))
    with engine.begin() as connection:
        connection.execute(sa.text("create extension vector"))
        if existing:
            connection.execute(sa.text("create table note (id int primary key, title text)"))
    metadata = sa.MetaData()
    table_with(metadata, "title")
    with pytest.raises(NotInstalled) as raised:
        metadata.create_all(engine)
    assert raised.value.hint is not None and "sqlembed migrate" in raised.value.hint
    assert sa.inspect(engine).has_table("note") is existing
    metadata.drop_all(engine)
    engine.dispose()


def test_tables_without_embeddings_need_no_sqlembed(empty_url: str) -> None:
    engine = sa.create_engine(config.sqlalchemy_url(empty_url))
    statements: list[str] = []
    sa.event.listen(
        engine, "before_cursor_execute", lambda *found: statements.append(str(found[2]))
    )
    metadata = sa.MetaData()
    sa.Table("plain", metadata, sa.Column("id", sa.Integer, primary_key=True))
    metadata.create_all(engine)
    metadata.create_all(engine)
    metadata.drop_all(engine)
    assert len(statements) > 3
    assert not [sql for sql in statements if re.search("sqlembed", sql)]
    engine.dispose()


def test_schema_translate_map(engine: sa.Engine) -> None:
    metadata = sa.MetaData()
    table_with(metadata, "title")
    with engine.begin() as connection:
        connection.execute(sa.text("""create schema "o'brien" """))
    translated = engine.execution_options(schema_translate_map={None: "o'brien"})
    metadata.create_all(translated)
    metadata.create_all(translated)
    assert [row[0] for row in declared(engine)] == ['"o\'brien".note']
    metadata.drop_all(translated)
    assert declared(engine) == []
