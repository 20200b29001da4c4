"""A storm: writers write, workers die, connections break, the embedder fails; then it is calm."""

from __future__ import annotations

import math
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psycopg

from tests.storm import writer
from tests.storm.checks import left_wrong
from tests.storm.embedder import DOWN, read_calls
from tests.storm.plan import Plan, Result
from tests.storm.processes import Workers, Writers
from tests.storm.server_log import ServerLog, is_of_writers
from tests.storm.tables import TABLES, create_tables, poisoned, wrong_rows
from tests.writing import Connection, rows, run, scalar

WORKER = "sqlembed worker"
LOOPBACK = "sqlembed loopback"
WRITERS = 4
WORKERS = 3

#: How often is looked what sessions do.
SAMPLE_EVERY = 0.02

#: After the storm, whatever waits has to be done in this time.
CALM_LIMIT = 180


class Storm:
    """One storm over an empty database with sqlembed.

    Args:
        url: the database; as a superuser.
        folder: for the processes' records.
        plan: how bad it is.
    """

    def __init__(self, url: str, folder: Path, plan: Plan) -> None:
        self._url = url
        self._folder = folder
        self._plan = plan
        self._dice = random.Random(f"{plan.seed}-weather")
        self._samples: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()
        self._problems: list[str] = []
        self._up_again = math.inf
        #: The numbers of operations at which something comes about, the next one last.
        self._coming = {
            what: sorted(self._dice.sample(range(plan.operations * 9 // 10), count), reverse=True)
            for what, count in (
                ("kill", plan.kills),
                ("cut", plan.cuts),
                ("outage", plan.outages),
                ("look", plan.looks),
            )
        }

    def run(self, progress: Callable[[int], None] = lambda done: None) -> Result:
        """Let it rage, wait for the calm and look at what is left.

        Args:
            progress: called with the number of operations done.
        """
        plan = self._plan
        with psycopg.connect(self._url, autocommit=True) as connection:
            # Deadlocks shall be found before anybody's lock_timeout hides them.
            name = scalar(connection, "select quote_ident(current_database())")
            run(connection, f"alter database {name} set deadlock_timeout = '50ms'")
            log = ServerLog(connection)
            create_tables(connection)
            began = time.monotonic()
            workers = Workers(WORKERS, self._url, self._folder, str(plan.seed))
            writers = Writers(
                *(WRITERS, self._url, self._folder, str(plan.seed)),
                *(plan.operations // WRITERS, plan.pause, plan.poison // WRITERS, plan.keys),
            )
            try:
                while not writers.are_done:
                    done = writers.counts["operations"]
                    self._blow(connection, workers, done)
                    progress(done)
                    time.sleep(SAMPLE_EVERY)
                over = time.monotonic()
                (self._folder / DOWN).unlink(missing_ok=True)
                self._wait_for_the_end(connection, workers)
                calm = time.monotonic()
                workers.stop()
            finally:
                workers.kill()
                writers.kill()
            self._problems += writers.problems + workers.problems
            self._problems += left_wrong(connection, self._samples)
            deadlocks = log.deadlocks()
            self._problems += [
                f"a deadlock of others than writers: {statements}"
                for statements in deadlocks
                if not is_of_writers(statements)
            ]
            return Result(
                seconds=over - began,
                calm_seconds=calm - over,
                writers=writers.counts,
                workers=workers.counts + self._counts,
                calls=read_calls(self._folder),
                samples=self._samples,
                deadlocks=len(deadlocks),
                rows=sum(
                    scalar(connection, f"select count(*) from {table.name}") for table in TABLES
                ),
                poisoned=sum(len(poisoned(connection, table)) for table in TABLES),
                problems=self._problems,
            )

    def _blow(self, connection: Connection, workers: Workers, done: int) -> None:
        workers.look_after()
        self._sample(connection)
        if self._is_time("kill", done):
            workers.kill_one(self._dice)
        if self._is_time("cut", done):
            self._cut(connection)
        down = self._folder / DOWN
        if self._is_time("outage", done):
            self._counts["embedder down"] += 1
            self._up_again = time.monotonic() + self._plan.outage
            down.touch()
        if time.monotonic() > self._up_again:
            down.unlink(missing_ok=True)
        if self._is_time("look", done):
            for table in TABLES:
                for text, _ in wrong_rows(connection, table, passing=True):
                    self._problems.append(f"{table.name} showed another text's vector: {text!r}")

    def _is_time(self, what: str, done: int) -> bool:
        """Tell whether so many operations bring something about, and that once."""
        coming = self._coming[what]
        if not coming or done < coming[-1]:
            return False
        coming.pop()
        return True

    def _sample(self, connection: Connection) -> None:
        # Those that have signed in: before, they read the catalogue in transactions.
        serving = rows(
            connection,
            "select pid from pg_locks where locktype = 'advisory'"
            " and database = (select oid from pg_database where datname = current_database())"
            " and classid = sqlembed._lock('presence') and mode = 'ExclusiveLock'",
        )
        for (state,) in rows(
            connection,
            "select state from pg_stat_activity where pid = any (%s)",
            [pid for (pid,) in serving],
        ):
            self._samples[state] += 1

    def _cut(self, connection: Connection) -> None:
        """Terminate the session of a worker or of a writer, or one that a writer waits at."""
        name = self._dice.choice([WORKER, writer.NAME, LOOPBACK])
        found = rows(
            connection,
            "select pid from pg_stat_activity"
            " where datname = current_database() and application_name = %s order by pid",
            name,
        )
        if found:
            (pid,) = self._dice.choice(found)
            if scalar(connection, "select pg_terminate_backend(%s)", pid):
                self._counts[f"cut: {name}"] += 1

    def _wait_for_the_end(self, connection: Connection, workers: Workers) -> None:
        """Wait until nothing is left to be done."""
        until = time.monotonic() + CALM_LIMIT
        while scalar(
            connection,
            "select exists (select from sqlembed._queued)",
        ):
            if time.monotonic() > until:
                self._problems.append(f"after {CALM_LIMIT} s there is still work left")
                return
            if self._plan.hurry:
                run(
                    connection,
                    "update sqlembed.job set not_before = clock_timestamp() where ctid = any ("
                    "array(select ctid from sqlembed.job where not_before > clock_timestamp()"
                    " for update skip locked))",
                )
            workers.look_after()
            self._sample(connection)
            time.sleep(SAMPLE_EVERY)
