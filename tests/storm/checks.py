"""What a storm may not leave behind."""

from __future__ import annotations

from collections import Counter

from tests.storm.tables import TABLES, given_up, poisoned, wrong_rows
from tests.writing import Connection, scalar


def left_wrong(connection: Connection, samples: Counter[str]) -> list[str]:
    """Return what is wrong with the rows, the failures, the queue and what workers were seen doing.

    Args:
        connection: to look with.
        samples: how often a session of a worker was seen in a state.
    """
    problems = []
    for table in TABLES:
        for text, vector in wrong_rows(connection, table, passing=False):
            problems.append(f"{table.name}: {text!r} has {vector}")
        wanted, found = poisoned(connection, table), given_up(connection, table)
        problems += [f"{table.name}: {key} not given up" for key in wanted - found]
        problems += [f"{table.name}: {key} given up without reason" for key in found - wanted]
    for what in ("change", "job", "lease", "worker_process"):
        left = scalar(connection, f"select count(*) from sqlembed.{what}")
        if left:
            problems.append(f"{left} rows of {what} left")
    for state, count in samples.items():
        # A model call takes most of a worker's time.
        if state.startswith("idle in transaction"):
            problems.append(f"workers were {state} {count} times")
    return problems
