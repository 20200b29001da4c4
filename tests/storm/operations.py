"""What a writer of a storm does to the tables, one statement at a time."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from tests.storm.tables import TABLES, Table
from tests.storm.texts import Texts
from tests.writing import Connection

#: Begins each statement of a writer: in the server's log it tells them from a worker's.
MARK = "/* writer */ "


class Operations:
    """Random statements.

    Args:
        dice: what they depend on.
        name: goes into the texts, so that writers do not write the same ones.
        keys: rows of a table are numbered up to this.
    """

    def __init__(self, dice: random.Random, name: str, keys: int) -> None:
        self._dice = dice
        self._keys = keys
        self._texts = Texts(dice, name)
        self._kinds: dict[Callable[[Connection, Table], None], float] = {
            self._insert: 25,
            self._insert_many: 6,
            self._copy: 1.5,
            self._upsert: 5,
            self._change: 25,
            self._change_many: 6,
            self._change_nothing: 3,
            self._change_others: 10,
            self._change_key: 6,
            self._delete: 12,
            self._truncate: 0.03,
        }

    def any(self, connection: Connection) -> None:
        """Do one of them to one of the tables."""
        (kind,) = self._dice.choices(list(self._kinds), list(self._kinds.values()))
        kind(connection, self._dice.choice(TABLES))

    def spare(self) -> None:
        """Truncate no more."""
        del self._kinds[self._truncate]

    def poison(self, connection: Connection, number: int) -> None:
        """Write a row that no embedder can embed.

        Args:
            connection: to write with.
            number: beyond those of other rows, only a truncate ends it; otherwise anybody may
                change it, or remove it.
        """
        # Where the statement itself waits for the vector, it would fail.
        table = self._dice.choice([table for table in TABLES if not table.is_sync])
        self._put(connection, table, [table.key_of(number)], [self._texts.poison()], UPSERT)

    def _insert(self, connection: Connection, table: Table) -> None:
        self._put(connection, table, *self._some_rows(table, 1, 1), "on conflict do nothing")

    def _insert_many(self, connection: Connection, table: Table) -> None:
        # A few of them fail on a key that is taken.
        ending = "" if self._dice.random() < 0.2 else "on conflict do nothing"
        self._put(connection, table, *self._some_rows(table, 2, 10), ending)

    def _upsert(self, connection: Connection, table: Table) -> None:
        self._put(connection, table, *self._some_rows(table, 1, 3), UPSERT)

    def _put(
        self,
        connection: Connection,
        table: Table,
        keys: Sequence[tuple[object, ...]],
        texts: Sequence[str],
        ending: str,
    ) -> None:
        values = [value for key, text in zip(keys, texts, strict=True) for value in (*key, text)]
        row = f"({', '.join(['%s'] * (len(table.key) + 1))})"
        _run(
            connection,
            f"insert into {table.name} ({', '.join(table.key)}, {table.text})"
            f" values {', '.join([row] * len(texts))}"
            f" {ending.format(key=', '.join(table.key), text=table.text)}",
            *values,
        )

    def _copy(self, connection: Connection, table: Table) -> None:
        """COPY what is free: a key that is taken would fail all of it."""
        keys, texts = self._some_rows(table, 20, 100)
        columns = f"{', '.join(table.key)}, {table.text}"
        taken = {
            tuple(row)
            for row in connection.execute(
                f"{MARK}select {', '.join(table.key)} from {table.name}".encode()
            )
        }
        free = [key for key in keys if key not in taken]
        statement = f"{MARK}copy {table.name} ({columns}) from stdin"
        with connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
            for key, text in zip(free, texts, strict=False):
                copy.write_row((*key, text))

    def _change(self, connection: Connection, table: Table) -> None:
        self._set(connection, table, f"{table.text} = %s", 1, self._texts.some())

    def _change_many(self, connection: Connection, table: Table) -> None:
        count = self._dice.randint(2, 20)
        # Not blank, but for those that were: they become the same.
        change = f"{table.text} = left(coalesce({table.text}, ''), 100) || %s"
        self._set(connection, table, change, count, self._texts.some())

    def _change_nothing(self, connection: Connection, table: Table) -> None:
        self._set(connection, table, f"{table.text} = {table.text}", self._dice.randint(1, 5))

    def _change_others(self, connection: Connection, table: Table) -> None:
        views = f"{table.idle} = coalesce({table.idle}, 0) + 1"
        self._set(connection, table, views, self._dice.randint(1, 20))

    def _change_key(self, connection: Connection, table: Table) -> None:
        new = table.key_of(self._dice.randrange(self._keys))
        change = ", ".join(f"{column} = %s" for column in table.key)
        values: list[object] = [*new]
        if self._dice.random() < 0.3:
            change += f", {table.text} = %s"
            values.append(self._texts.some())
        where, keys = self._where(table, 1)
        _run(connection, f"update {table.name} set {change} where {where}", *values, *keys)

    def _set(
        self, connection: Connection, table: Table, change: str, count: int, *values: object
    ) -> None:
        where, keys = self._where(table, count)
        _run(connection, f"update {self._part(table)} set {change} where {where}", *values, *keys)

    def _delete(self, connection: Connection, table: Table) -> None:
        where, keys = self._where(table, self._dice.randint(1, 5))
        _run(connection, f"delete from {self._part(table)} where {where}", *keys)

    def _truncate(self, connection: Connection, table: Table) -> None:
        _run(connection, f"truncate {table.name}")

    def _part(self, table: Table) -> str:
        """A table, or one of its partitions: not all rows are then found."""
        return self._dice.choice((table.name, *table.parts))

    def _where(self, table: Table, count: int) -> tuple[str, list[object]]:
        keys = self._some_keys(table, count)
        row = f"({', '.join(['%s'] * len(table.key))})"
        where = f"({', '.join(table.key)}) in ({', '.join([row] * count)})"
        return where, [value for key in keys for value in key]

    def _some_keys(self, table: Table, count: int) -> list[tuple[object, ...]]:
        """Keys in no order: two writers may well wait for each other."""
        return [table.key_of(number) for number in self._dice.sample(range(self._keys), count)]

    def _some_rows(
        self, table: Table, least: int, most: int
    ) -> tuple[list[tuple[object, ...]], list[str]]:
        count = self._dice.randint(least, most)
        return self._some_keys(table, count), [self._texts.some() for _ in range(count)]


UPSERT = "on conflict ({key}) do update set {text} = excluded.{text}"


def _run(connection: Connection, statement: str, *values: object) -> None:
    connection.execute((MARK + statement).encode(), values)
