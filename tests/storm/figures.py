"""The figures of a storm, for people."""

from __future__ import annotations

from tests.storm.plan import Plan, Result


def figures(plan: Plan, result: Result) -> dict[str, str]:
    """Return the figures by what they say."""
    writers, workers, calls = result.writers, result.workers, result.calls
    return {
        "seed": f"{plan.seed}",
        "operations": f"{writers['operations']:,}",
        "wall time": f"{result.seconds:.0f} s, and {result.calm_seconds:.0f} s until all was done",
        "transactions rolled back": f"{writers['rolled back']:,}",
        "savepoints rolled back": f"{writers['savepoints rolled back']:,}",
        "keys that were taken": f"{writers['UniqueViolation']:,}",
        "statements without their vector": f"{writers['no vector']:,}, rolled back",
        "rows at the end": f"{result.rows:,}",
        "workers started, killed": f"{workers['started']:,}, {workers['killed']:,}",
        "connections cut": f"{workers['cut: sqlembed worker']:,} of workers,"
        f" {workers['cut: storm writer']:,} of writers,"
        f" {workers['cut: sqlembed loopback']:,} of the loopbacks they wait at",
        "times the embedder was down": f"{workers['embedder down']:,}",
        "calls of the embedder": f"{calls.count:,}, of which {calls.failed:,} failed",
        "distinct texts": f"{calls.distinct:,}",
        "texts embedded": f"{calls.texts_embedded:,}, {repeated(result):.3f} x the distinct ones",
        "texts in calls that failed": f"{calls.texts_failed:,}",
        "poisoned rows at the end": f"{result.poisoned:,}, all in failure",
        "deadlocks": f"{result.deadlocks:,}, all between writers",
        "sessions of workers seen": ", ".join(
            f"{count:,} {state}" for state, count in sorted(result.samples.items())
        ),
        "wrong": f"{len(result.problems):,}",
    }


def repeated(result: Result) -> float:
    """Return how often a text was embedded, on average."""
    return result.calls.texts_embedded / max(result.calls.distinct, 1)
