"""What embedding rows would cost: read, counted and tried on a few texts; nothing is changed."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlembed import errors
from sqlembed.cli import serving
from sqlembed.cli.database import scalar
from sqlembed.cli.output import patience, warn
from sqlembed.cli.progress import rows_bar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlembed.cli.database import Connection
    from sqlembed.embedders import Embedder, Registry

FINGERPRINT = "select fingerprint from sqlembed.embedder where name = %s"
MAY_READ_CACHE = "select pg_catalog.has_table_privilege('sqlembed.cache', 'select')"
COUNT = "select count(*) from {relation}"

# Each text once, the blank ones as NULL. As a worker does: the source finds no other table's names.
TEXTS = """
select
    t.input,
    t.rows,
    {cached} as is_cached
from (
    select case when not sqlembed._blank(s.input) then s.input end as input, count(*) as rows
    from (
        select ({source})::text as input
        from (select r.* from {relation} as r where ({condition}
        )) as r
    ) as s
    group by 1
) as t
"""
CACHED = """
exists (
    select
    from sqlembed.cache as c
    where c.fingerprint = {fingerprint}
        and c.kind = 'document'
        and c.input_hash = pg_catalog.sha256(pg_catalog.convert_to(t.input, 'UTF8'))
)
"""

#: Texts that are embedded to see how long it takes: few, because they may cost something.
SAMPLE = 32

#: Texts read and counted at a time.
CHUNK = 1_000


@dataclass(frozen=True)
class Wanted:
    """Rows to embed."""

    #: A table and an expression over its row, both as SQL.
    relation: str
    source: str
    embedding: str
    embedder: str
    #: A condition over row ``r``.
    condition: str = "true"


@dataclass
class Estimate:
    """What it would take; ``None`` where nobody can tell."""

    embedding: str
    embedder: str
    rows: int = 0
    #: Rows with nothing to embed.
    blank: int = 0
    #: Distinct texts.
    texts: int = 0
    #: Those whose vectors are in the cache.
    cached: int | None = None
    #: Of the others, as the model counts and as far as it reads.
    tokens: int | None = None
    #: Texts that are longer than the model reads.
    truncated: int | None = None
    #: The embedder's time, as measured on so many texts.
    seconds: float | None = None
    measured_on: int = 0

    @property
    def uncached(self) -> int:
        """Texts to be computed."""
        return self.texts - (self.cached or 0)


def estimate(connection: Connection, registry: Registry, wanted: Wanted) -> Estimate:
    """Read the rows and say what embedding them would take.

    Args:
        connection: in a transaction, which may be read-only.
        registry: where the embedder is looked for, to count and to try.
        wanted: the rows.

    Raises:
        UnknownEmbedder: neither the database nor the registry has it.
        RegistrationRefused: the registry's is not the one that the database knows.
    """
    embedder = _embedder(connection, registry, wanted.embedder)
    found = Estimate(wanted.embedding, wanted.embedder)
    sample = _Sample()
    for texts in _chunks(connection, wanted, embedder, found):
        sample.add(texts)
        if embedder is not None:
            _count_tokens(embedder, texts, found)
    if embedder is not None and sample.texts:
        _measure(embedder, sample.texts, found)
    elif embedder is not None:
        found.seconds = 0.0
    return found


def _embedder(connection: Connection, registry: Registry, name: str) -> Embedder | None:
    is_known = connection.execute(serving.EMBEDDER.encode(), (name,)).fetchone() is not None
    if is_known and name not in registry:
        warn(f"embedder {name} is not in this registry: neither tokens nor time can be told")
        return None
    return serving.matching_embedder(connection, registry, name)


def _chunks(
    connection: Connection, wanted: Wanted, embedder: Embedder | None, found: Estimate
) -> Iterator[list[str]]:
    """Yield the texts that have to be computed, and count all of them."""
    from psycopg import sql

    fingerprint = scalar(connection, FINGERPRINT, (wanted.embedder,))
    if fingerprint is None and embedder is not None:
        fingerprint = embedder.fingerprint
    cached: sql.Composable = sql.SQL("null")
    if scalar(connection, MAY_READ_CACHE):
        found.cached = 0
        cached = sql.SQL(CACHED).format(fingerprint=sql.Literal(fingerprint))
    relation = sql.SQL(wanted.relation)
    statement = sql.SQL(TEXTS).format(
        cached=cached,
        source=sql.SQL(wanted.source),
        relation=relation,
        condition=sql.SQL(wanted.condition),
    )
    row = connection.execute(sql.SQL(COUNT).format(relation=relation)).fetchone()
    total = int(row[0]) if row else 0
    with rows_bar(f"reading {wanted.relation}") as advance, connection.cursor("texts") as cursor:
        cursor.execute(statement)
        while rows := cursor.fetchmany(CHUNK):
            missing = []
            for text, count, is_cached in rows:
                found.rows += count
                if text is None:
                    found.blank += count
                    continue
                found.texts += 1
                if is_cached:
                    found.cached = (found.cached or 0) + 1
                else:
                    missing.append(text)
            yield missing
            advance(found.rows, total)


def _count_tokens(embedder: Embedder, texts: list[str], found: Estimate) -> None:
    counts = embedder.count_tokens(texts)
    if counts is None:
        return
    most = embedder.max_tokens if texts else None
    read = [count if most is None else min(count, most) for count in counts]
    found.tokens = (found.tokens or 0) + sum(read)
    if most is not None:
        too_long = sum(count > most for count in counts)
        found.truncated = (found.truncated or 0) + too_long


def _measure(embedder: Embedder, texts: list[str], found: Estimate) -> None:
    try:
        with patience(f"trying {embedder.name}"):
            embedder.warm_up()
            began = time.monotonic()
            embedder.embed(texts)
            took = time.monotonic() - began
    except (errors.EmbedderError, errors.ConfigError) as error:
        warn(f"the time cannot be told: {error.message}")
        return
    found.measured_on = len(texts)
    tried = Estimate(found.embedding, found.embedder)
    _count_tokens(embedder, texts, tried)
    share = found.tokens / tried.tokens if found.tokens and tried.tokens else None
    found.seconds = took * (share or found.uncached / len(texts))


@dataclass
class _Sample:
    """A few of many texts, each as likely as another; the same ones every time."""

    texts: list[str] = field(default_factory=list)
    _seen: int = 0
    _random: random.Random = field(default_factory=lambda: random.Random(0))

    def add(self, texts: list[str]) -> None:
        for text in texts:
            self._seen += 1
            if len(self.texts) < SAMPLE:
                self.texts.append(text)
            elif (place := self._random.randrange(self._seen)) < SAMPLE:
                self.texts[place] = text
