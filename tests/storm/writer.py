"""A writer of a storm, as a process."""

from __future__ import annotations

import json
import random
import sys
import time
from collections import Counter
from pathlib import Path

import psycopg

from tests.storm.operations import Operations
from tests.writing import Connection

#: Seen in the server's log and in pg_stat_activity.
NAME = "storm writer"

#: An application that waits this long for a lock waits for a worker that is stuck.
OPTIONS = "-c lock_timeout=20s"

#: How many transactions are rolled back, operations are in a savepoint, and how many of these
#: savepoints are rolled back.
ROLLED_BACK = 0.1
IN_SAVEPOINT = 0.15
SAVEPOINT_ROLLED_BACK = 0.5

#: What may happen to any application that writes where others do.
EXPECTED = (
    psycopg.errors.DeadlockDetected,
    psycopg.errors.UniqueViolation,
    psycopg.errors.SerializationFailure,
)

#: And to one that waits for a vector: no worker is alive, the embedder fails, the loopback is cut.
WITHOUT_VECTOR = {"SE003", "SE005", "08006"}


class Undo(Exception):
    """Rolls back."""


class Writer:
    """Writes at random until it has made so many operations.

    Args:
        url: the database.
        tally: the file where it says how far it is.
        seed: what it writes depends on it, and on what the others write.
        operations: how many.
        pause: seconds between two transactions, on average.
        poison: how many rows that no embedder can embed.
        keys: rows of a table are numbered up to this.
    """

    def __init__(
        self, url: str, tally: str, seed: str, operations: str, pause: str, poison: str, keys: str
    ) -> None:
        self._url = url
        self._tally = Path(tally)
        self._dice = random.Random(seed)
        self._wanted = int(operations)
        self._pause = float(pause)
        self._counts: Counter[str] = Counter()
        self._told = 0.0
        #: Until the half of it: rows that are poison have to be left.
        self._may_truncate = True
        self._keys = int(keys)
        self._operations = Operations(self._dice, seed, self._keys)
        #: When to write poison: some while tables are truncated, and some to stay.
        middle, lasting = self._wanted // 2, (int(poison) + 1) // 2
        early = self._dice.sample(range(middle), int(poison) - lasting)
        late = self._dice.sample(range(middle, self._wanted), lasting)
        self._poison = sorted(early + late, reverse=True)

    def run(self) -> None:
        """Write; a connection that is cut is opened again."""
        while self._counts["operations"] < self._wanted:
            try:
                with psycopg.connect(
                    self._url, autocommit=True, application_name=NAME, options=OPTIONS
                ) as connection:
                    self._write(connection)
            except (psycopg.errors.AdminShutdown, psycopg.errors.IdleInTransactionSessionTimeout):
                self._counts["cut"] += 1
            except psycopg.OperationalError as error:
                if error.sqlstate is not None:
                    raise
                self._counts["cut"] += 1
        self._tell()

    def _write(self, connection: Connection) -> None:
        while self._counts["operations"] < self._wanted:
            if self._may_truncate and self._counts["operations"] > self._wanted / 2:
                self._may_truncate = False
                self._operations.spare()
            try:
                with connection.transaction():
                    for _ in range(self._dice.randint(1, 4)):
                        self._operate(connection)
                    if self._dice.random() < ROLLED_BACK:
                        self._counts["rolled back"] += 1
                        raise Undo
            except Undo:
                pass
            except EXPECTED as error:
                self._counts[type(error).__name__] += 1
            except psycopg.DatabaseError as error:
                if error.sqlstate not in WITHOUT_VECTOR:
                    raise
                self._counts["no vector"] += 1
            if time.monotonic() > self._told + 0.2:
                self._tell()
            if self._pause:
                time.sleep(self._dice.random() * 2 * self._pause)

    def _operate(self, connection: Connection) -> None:
        if self._poison and self._counts["operations"] >= self._poison[-1]:
            # Beyond the keys of other rows nobody changes it.
            beyond = 0 if self._poison.pop() < self._wanted / 2 else self._keys
            self._operations.poison(connection, beyond + self._dice.randrange(self._keys))
        self._counts["operations"] += 1
        if self._dice.random() > IN_SAVEPOINT:
            self._operations.any(connection)
            return
        try:
            with connection.transaction():
                self._operations.any(connection)
                if self._dice.random() < SAVEPOINT_ROLLED_BACK:
                    raise Undo
        except Undo:
            self._counts["savepoints rolled back"] += 1
        except psycopg.errors.UniqueViolation:
            self._counts["UniqueViolation"] += 1

    def _tell(self) -> None:
        self._told = time.monotonic()
        fresh = self._tally.with_suffix(".new")
        fresh.write_text(json.dumps(self._counts))
        fresh.replace(self._tally)


if __name__ == "__main__":
    Writer(*sys.argv[1:]).run()
