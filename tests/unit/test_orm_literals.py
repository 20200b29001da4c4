"""Quoting of SQL text, and the statements that ``create_all`` runs; no database."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from pgvector.sqlalchemy import VECTOR
from sqlalchemy.schema import CreateTable

from sqlembed.orm import Embedded
from sqlembed.orm.literals import literal

TRICKY = "a%b :c 'd' \\e \"f\" %(g)s %%"


@pytest.mark.parametrize(
    ("value", "sql"),
    [
        (None, "NULL"),
        ("", "''"),
        ("it's", "'it''s'"),
        ("100 %:x", "'100 %:x'"),
        ("E'\\n'", "E'E''\\\\n'''"),
        ("\\'", "E'\\\\'''"),
    ],
)
def test_literal(value: str | None, sql: str) -> None:
    assert literal(value) == sql


def scripted(url: str, metadata: sa.MetaData) -> list[str]:
    """What a mock engine is told to run, as text for the driver."""
    statements: list[str] = []

    def dump(statement: sa.ClauseElement, *_: object, **__: object) -> None:
        statements.append(str(statement.compile(dialect=engine.dialect)).strip())

    engine = sa.create_mock_engine(url, dump)
    metadata.create_all(engine, checkfirst=False)
    metadata.drop_all(engine, checkfirst=False)
    return statements


def tricky_table(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        TRICKY,
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column(TRICKY, VECTOR(8), Embedded("it's", source=r"title || E'\n%' || ':x'")),
        schema="Odd",
    )


@pytest.mark.parametrize(
    ("url", "percent"), [("postgresql+psycopg://", "%%"), ("postgresql+asyncpg://", "%")]
)
def test_script_of_a_mock_engine(url: str, percent: str) -> None:
    metadata = sa.MetaData()
    table = tricky_table(metadata)
    created, declared, taken_back, _ = scripted(url, metadata)
    dialect = sa.make_url(url).get_dialect()()
    assert created == str(CreateTable(table).compile(dialect=dialect)).strip()
    name = r"""a%b :c ''d'' \\e ""f"" %(g)s %%""".replace("%", percent)
    column = r"""a%b :c ''d'' \\e "f" %(g)s %%""".replace("%", percent)
    source = r"title || E''\\n%'' || '':x''".replace("%", percent)
    assert declared == (
        f"""SELECT sqlembed.create_embedding(relation => E'"Odd"."{name}"', """
        f"embedder => 'it''s', source => E'{source}', embedding => E'{column}', "
        "timing => 'async', on_change => 'hide', metric => 'cosine', storage => 'vector', "
        "index => 'hnsw', place => 'row', chunking => NULL, adopt => 'keep', full_text => NULL, "
        "index_options => NULL, if_not_exists => true)"
    )
    assert taken_back == (
        "SELECT sqlembed.drop_embedding(relation, name) FROM sqlembed.embedding "
        f"""WHERE relation = to_regclass(E'"Odd"."{name}"')"""
    )


def test_other_databases_and_other_tables_get_nothing() -> None:
    embedded, plain = sa.MetaData(), sa.MetaData()
    tricky_table(embedded)
    sa.Table("plain", plain, sa.Column("id", sa.Integer))
    assert not [sql for sql in scripted("sqlite://", embedded) if "sqlembed" in sql]
    assert not [sql for sql in scripted("postgresql+psycopg://", plain) if "sqlembed" in sql]
