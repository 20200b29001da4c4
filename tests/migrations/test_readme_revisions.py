"""The revisions that the README shows are what autogenerate writes."""

from __future__ import annotations

import re
from pathlib import Path

import sqlalchemy as sa
from pgvector.sqlalchemy import VECTOR

from sqlembed.embedders import HashEmbedder, Registry
from sqlembed.orm import Embedded
from tests.migrations.application import Application
from tests.migrations.histories import rows
from tests.writing import embed_all

README = Path(__file__).parents[2] / "README.md"
BLOCK = re.compile(r"^```revision\n(.*?)^```$", re.MULTILINE | re.DOTALL)

REGISTRY = Registry()
REGISTRY.add(HashEmbedder("minilm", 384))
REGISTRY.add(HashEmbedder("mpnet", 768))


def article(source: str | None, embedder: str = "minilm", dimensions: int = 384) -> sa.MetaData:
    """The model of the README, with or without its embedding."""
    metadata = sa.MetaData()
    table = sa.Table(
        "article",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("year", sa.Integer, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    if source is not None:
        embedded = Embedded(embedder, source=source)
        table.append_column(sa.Column("embedding", VECTOR(dimensions), embedded))
    return metadata


def statements(text: str) -> str:
    """Return the code of a revision from its first function on, without comments and layout."""
    code = text[text.index("def upgrade") :]
    code = re.sub(r"^ *#.*$", "", code, flags=re.MULTILINE)
    return re.sub(r"\s+", "", code).replace(",)", ")")


def test_revisions(tmp_path: Path, engine: sa.Engine, url: str) -> None:
    created, altered, begun, switched = BLOCK.findall(README.read_text(encoding="utf-8"))
    application = Application(tmp_path, engine, article(None))
    application.revise()
    application.upgrade()
    application.metadata = article("title || E'\\n' || body")
    assert statements(application.revise()) == statements(created)
    application.upgrade()
    assert rows(application, "select embedder from sqlembed.embedding") == [("minilm",)]
    application.metadata = article("title")
    assert statements(application.revise()).startswith(statements(altered))
    application.upgrade()
    assert application.differences() == []
    rows(application, "insert into article values (1, 2024, 'Bread', 'Flour')")
    embed_all(url, REGISTRY)
    application.metadata = article("title", "mpnet", 768)
    assert statements(application.revise()) == statements(begun)
    application.upgrade()
    assert application.differences() == []
    embed_all(url, REGISTRY)
    assert statements(application.revise()) == statements(switched)
    application.upgrade()
    assert application.differences() == []
