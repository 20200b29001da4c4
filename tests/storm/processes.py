"""The processes of a storm: workers that die and come again, and writers that live."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

from tests.storm.worker import TRY_AGAIN

#: Where ``tests`` is imported from.
ROOT = Path(__file__).parents[2]


class Process:
    """One Python process, which says what it has to say into a file."""

    def __init__(self, module: str, said: Path, *arguments: object) -> None:
        self.said = said
        with said.open("a") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", f"tests.storm.{module}", *map(str, arguments)],
                cwd=ROOT,
                stdout=file,
                stderr=file,
            )

    @property
    def status(self) -> int | None:
        """How it ended; ``None`` while it lives."""
        return self._process.poll()

    def kill(self) -> None:
        """End it by SIGKILL, which it does not notice."""
        self._process.kill()
        self._process.wait()

    def stop(self, seconds: float) -> int:
        """Ask it to end by SIGTERM; returns how it did."""
        self._process.terminate()
        return self._process.wait(seconds)

    def last_words(self) -> str:
        """Return the end of what it said."""
        return f"{self.said.name} ended with {self.status}: {self.said.read_text()[-2_000:]}"


class Workers:
    """Keeps so many workers alive, as a service manager does."""

    def __init__(self, count: int, url: str, folder: Path, seed: str) -> None:
        self._url = url
        self._folder = folder
        self._seed = seed
        self._running: dict[int, Process] = {}
        self.problems: list[str] = []
        self.counts: Counter[str] = Counter()
        for number in range(count):
            self._start(number)

    def look_after(self) -> None:
        """Start again what has died."""
        for number, process in list(self._running.items()):
            if process.status is None:
                continue
            if process.status == TRY_AGAIN:
                self.counts["could not start"] += 1
            else:
                self.problems.append(process.last_words())
            self._start(number)

    def kill_one(self, dice: random.Random) -> None:
        """Kill one of them."""
        number = dice.choice(list(self._running))
        process = self._running[number]
        process.kill()
        self.counts["killed"] += 1
        self._start(number)

    def stop(self) -> None:
        """Let all of them end in peace."""
        for process in self._running.values():
            # One that has only just been started does not yet know the signal.
            if process.status is not None or process.stop(30) not in (0, -signal.SIGTERM):
                self.problems.append(process.last_words())
        self._running.clear()

    def kill(self) -> None:
        """Kill all of them."""
        for process in self._running.values():
            process.kill()

    def _start(self, number: int) -> None:
        self.counts["started"] += 1
        seed = f"{self._seed}-worker-{number}-{self.counts['started']}"
        said = self._folder / f"worker-{number}.log"
        self._running[number] = Process("worker", said, self._url, self._folder, seed)


class Writers:
    """Writes from several processes at once."""

    def __init__(self, count: int, url: str, folder: Path, seed: str, *arguments: object) -> None:
        self._tallies = [folder / f"writer-{number}.json" for number in range(count)]
        self._processes = [
            Process(
                *("writer", tally.with_suffix(".log")),
                *(url, tally, f"{seed}-writer-{number}", *arguments),
            )
            for number, tally in enumerate(self._tallies)
        ]

    @property
    def are_done(self) -> bool:
        """Whether all have ended."""
        return all(process.status is not None for process in self._processes)

    @property
    def counts(self) -> Counter[str]:
        """What they have done so far."""
        total: Counter[str] = Counter()
        for tally in self._tallies:
            if tally.exists():
                total.update(json.loads(tally.read_text()))
        return total

    @property
    def problems(self) -> list[str]:
        """The last words of those that failed."""
        return [process.last_words() for process in self._processes if process.status]

    def kill(self) -> None:
        """Kill all of them."""
        for process in self._processes:
            process.kill()
