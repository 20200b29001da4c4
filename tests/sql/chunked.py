"""A table of long texts in chunks, and whether they are those of the texts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from sqlembed.embedders import HashEmbedder, Registry
from sqlembed.types import Kind
from tests.writing import (
    HASH,
    Connection,
    changes,
    declare,
    embed_all,
    rows,
    run,
    scalar,
)

LONG = " ".join(f"word{number}" for number in range(100))

CHUNKING = '{"characters": 60, "overlap": 10}'


class Words(HashEmbedder):
    """Counts words as tokens, with one before and one behind, and keeps what it embeds."""

    def __init__(self) -> None:
        super().__init__("hash", 8)
        self.texts: list[str] = []

    def count_tokens(self, texts: Sequence[str], kind: Kind = "document") -> list[int]:
        return [len(re.findall(r"\w+", text)) + 2 for text in texts]

    def _embed(self, texts: list[str], kind: Kind) -> Any:
        self.texts += texts
        return super()._embed(texts, kind)


def words_registry() -> tuple[Registry, Words]:
    registry = Registry()
    return registry, registry.add(Words())


@pytest.fixture
def article(shared: Connection) -> Connection:
    run(shared, "create table article (id int primary key, body text, views int default 0)")
    return shared


@pytest.fixture
def chunked(article: Connection, shared_url: str) -> Connection:
    """A long and a short row, embedded in chunks."""
    declare(article, "article", "body", chunking=CHUNKING)
    run(article, "insert into article values (1, %s), (2, 'short')", LONG)
    embed_all(shared_url)
    assert (changes(article), wrong(article)) == ([], [])
    return article


def wrong(connection: Connection, source: str = "a.body") -> list[Any]:
    """Return rows whose chunks are not those of their text, and chunks without a row."""
    found = rows(
        connection,
        f"select a.id, {source}, s.id, s.ordinal, lower(s.span), upper(s.span), s.chunk,"
        " s.source_hash, s.embedding::vector::real[]"
        " from article as a full join article_embedding as s on s.id = a.id order by 3, 4",
    )
    bad: list[Any] = []
    last = (None, 0)
    for id, text, of, ordinal, start, end, chunk, digest, vector in found:
        if id is None or of is None:
            if id is None or (text and text.strip()):
                bad.append((id, of))
            continue
        expected = last[1] + 1 if last[0] == of else 1
        last = (of, ordinal)
        same = scalar(connection, "select sha256(convert_to(%s, 'UTF8'))", text) == digest
        if (
            not same
            or ordinal != expected
            or text[start - 1 : end - 1] != chunk
            or not np.allclose(vector, HASH.embed([chunk])[0], atol=1e-3)
        ):
            bad.append((id, ordinal, chunk))
    return bad


def counts(connection: Connection) -> dict[int, int]:
    """Return the number of chunks of each row."""
    return dict(rows(connection, "select id, count(*) from article_embedding group by id"))
