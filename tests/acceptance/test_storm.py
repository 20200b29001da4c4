"""Whatever writes and whatever dies: each row ends with the vector of its present text, once."""

from __future__ import annotations

import os
from pathlib import Path

from tests.storm.figures import figures, repeated
from tests.storm.plan import Plan
from tests.storm.server_log import deadlocks, is_of_writers
from tests.storm.storm import Storm

#: ``SQLEMBED_TEST_STORM_SEED=…`` repeats a run.
SEED = int(os.environ.get("SQLEMBED_TEST_STORM_SEED", "1"))

#: A worker that is killed or cut off has at most the texts of the calls since its last write to
#: embed again, and a text that comes back after others is a new one to pay for: few of the storm's.
#: Each of these is some per cent here, with a death every other second.
REPEATED = 1.3


def test_nothing_is_lost_stale_or_paid_for_twice(url: str, tmp_path: Path) -> None:
    plan = Plan(seed=SEED, operations=2_400, pause=0.025, hurry=True)
    result = Storm(url, tmp_path, plan).run()
    shown = "\n".join(f"{what}: {figure}" for what, figure in figures(plan, result).items())
    assert not result.problems, "\n".join([shown, *result.problems])
    # The storm was one.
    assert result.workers["killed"] == plan.kills
    assert result.workers["cut: sqlembed worker"] and result.workers["cut: storm writer"]
    assert result.workers["embedder down"] and result.calls.failed and result.poisoned
    assert sum(result.samples.values()) > 100
    assert repeated(result) <= REPEATED, shown


def test_a_deadlock_is_read_from_the_log() -> None:
    log = (
        "2026-01-01 [7] ERROR:  deadlock detected\n"
        "2026-01-01 [7] DETAIL:  Process 7 waits for ShareLock on transaction 1; blocked by 8.\n"
        "\tProcess 8 waits for ShareLock on transaction 2; blocked by process 7.\n"
        "\tProcess 7: /* writer */ update article\n"
        "\tset title = 'x'\n"
        "\tProcess 8: select sqlembed._fold_changes($1)\n"
        "2026-01-01 [7] HINT:  See server log for query details.\n"
    )
    ((first, second),) = deadlocks(log)
    assert is_of_writers([first]) and not is_of_writers([first, second])
