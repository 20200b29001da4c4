"""How bad a storm is to be, and what it was."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tests.storm.embedder import Calls


@dataclass(frozen=True)
class Plan:
    """How bad a storm is; by the same seed all do the same again, but not at the same time."""

    seed: int
    operations: int
    #: Poisoned rows.
    poison: int = 20
    #: Rows of a table are numbered up to this.
    keys: int = 400
    #: Seconds that a writer waits between two transactions, on average.
    pause: float = 0.0
    #: How many workers are killed, and sessions of workers and of writers cut.
    kills: int = 10
    cuts: int = 12
    #: How often the embedder is down, and for how many seconds.
    outages: int = 1
    outage: float = 2.0
    #: How often is looked what the rows show meanwhile.
    looks: int = 10
    #: After the storm let no row wait for its next attempt.
    hurry: bool = False


@dataclass
class Result:
    """What a storm has left behind."""

    seconds: float
    calm_seconds: float
    writers: Counter[str]
    workers: Counter[str]
    calls: Calls
    #: What sessions of workers were seen doing.
    samples: Counter[str]
    deadlocks: int
    rows: int
    poisoned: int
    #: What may not be.
    problems: list[str] = field(default_factory=list)
