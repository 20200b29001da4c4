"""The tables of a storm, and what is wrong with their rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np

from sqlembed.embedders import HashEmbedder
from tests.storm.embedder import DIMENSIONS, POISON
from tests.writing import Connection, declare, register, rows, run

FIRST_DAY = date(2020, 1, 1)

MODEL = HashEmbedder("hash", DIMENSIONS)


@dataclass(frozen=True)
class Table:
    """A table with an embedding, its key and its columns quoted where they need it."""

    name: str
    create: str
    #: Columns of the key, and their values for a number.
    key: tuple[str, ...]
    key_of: Callable[[int], tuple[object, ...]]
    #: The column that writers change, and one that has nothing to do with the embedding.
    text: str
    idle: str
    source: str
    #: Of its embedding.
    options: dict[str, str] = field(default_factory=dict)
    #: Its partitions.
    parts: tuple[str, ...] = ()

    @property
    def is_sync(self) -> bool:
        """Whether no row is ever without its vector."""
        return self.options.get("timing") == "sync"

    @property
    def keeps_old(self) -> bool:
        """Whether a row whose text has changed may have the vector of the text before."""
        return self.options.get("on_change") == "keep"

    @property
    def vectors(self) -> str:
        """SQL for the text and the vector of each row, and for vectors without a row."""
        if self.options.get("place") != "side":
            return f"select {self.source}, embedding::vector::real[] from {self.name}"
        return (
            f"select {self.source}, s.embedding::vector::real[] from {self.name}"
            f" full join {self.name}_embedding as s using ({', '.join(self.key)})"
        )


TABLES = (
    Table(
        name="article",
        create="create table article (id int primary key, title text, body text, views int)",
        key=("id",),
        key_of=lambda number: (number,),
        text="title",
        source="title || E'\\n' || coalesce(body, '')",
        idle="views",
    ),
    Table(
        name="note",
        create="create table note (views int, id bigint primary key, words text not null)",
        options={"on_change": "keep", "storage": "halfvec"},
        key=("id",),
        key_of=lambda number: (number,),
        text="words",
        source="words",
        idle="views",
    ),
    Table(
        name='"Log Book"',
        create='create table "Log Book" ("Who" text, "on Day" date, "what\'s up" text, "Views" int,'
        ' primary key ("Who", "on Day"))',
        key=('"Who"', '"on Day"'),
        key_of=lambda number: (f"O'Tool \"{number % 7}\\", FIRST_DAY + timedelta(number // 7)),
        text='"what\'s up"',
        source='"what\'s up"',
        idle='"Views"',
    ),
    Table(
        name="visit",
        # A key that changes moves every other row.
        create="create table visit (id int primary key, why text, views int)"
        " partition by hash (id);"
        " create table visit_0 partition of visit for values with (modulus 2, remainder 0);"
        " create table visit_1 (why text, views int, id int not null);"
        " alter table visit attach partition visit_1 for values with (modulus 2, remainder 1)",
        parts=("visit_0", "visit_1"),
        key=("id",),
        key_of=lambda number: (number,),
        text="why",
        source="why",
        idle="views",
    ),
    Table(
        name="letter",
        create="create table letter (day date, number int, said text, views int,"
        " primary key (number, day))",
        options={"place": "side", "on_change": "keep"},
        key=("number", "day"),
        key_of=lambda number: (number // 7, FIRST_DAY + timedelta(number % 7)),
        text="said",
        source="said",
        idle="views",
    ),
    Table(
        name="offer",
        create="create table offer (id int primary key, words text, views int)",
        options={"timing": "sync"},
        key=("id",),
        key_of=lambda number: (number,),
        text="words",
        source="words",
        idle="views",
    ),
)


def create_tables(connection: Connection) -> None:
    """Make the tables and declare their embeddings."""
    register(connection, "hash", dimensions=DIMENSIONS)
    for table in TABLES:
        run(connection, table.create)
        declare(connection, table.name, table.source, **table.options)


def wrong_rows(connection: Connection, table: Table, *, passing: bool) -> list[Any]:
    """Return texts and vectors of rows whose vector is not that of their text.

    Args:
        connection: to read with.
        table: whose rows.
        passing: rows may still wait for theirs, and in a table that keeps old ones have any.

    A row of a table with timing ``sync`` never waits.
    """
    if passing and table.keeps_old:
        return []
    wrong = []
    found = rows(connection, table.vectors)
    expected = MODEL.embed([text or "" for text, _ in found])
    for (text, given), vector in zip(found, expected, strict=True):
        if text is None or not text.strip():
            right = given is None
        elif POISON in text:
            # Where old vectors are kept it has that of the text before.
            right = given is None or table.keeps_old
        elif given is None:
            right = passing and not table.is_sync
        else:
            right = np.allclose(given, vector, atol=1e-3)
        if not right:
            wrong.append((text, given))
    return wrong


def key_json(table: Table) -> str:
    """Return SQL for the key of a row as ``failure`` has it."""
    return f"jsonb_build_array({', '.join(table.key)})"


def poisoned(connection: Connection, table: Table) -> set[str]:
    """Return the keys of the rows whose text always fails."""
    found = rows(
        connection,
        f"select {key_json(table)}::text from {table.name} where {table.source} like %s",
        f"%{POISON}%",
    )
    return {key for (key,) in found}


def given_up(connection: Connection, table: Table) -> set[str]:
    """Return the keys in ``failure`` of rows that are there."""
    found = rows(
        connection,
        f"select f.key::text from sqlembed.failure as f where f.relation = %s::regclass"
        f" and exists (select from {table.name} where {key_json(table)} = f.key)",
        table.name,
    )
    return {key for (key,) in found}
