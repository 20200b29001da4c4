"""What the rows of a storm say."""

from __future__ import annotations

import random

from tests.storm.embedder import POISON

WORDS = (
    "storm sea harbour Öl Straße 灯台 naïve 100% %s 'quoted' \"doubly\" b\\s {brace} $1 ; -- and"
)

#: Texts that many rows have in common.
COMMON = [f"nothing to report on day {day}" for day in range(20)]


class Texts:
    """Makes texts; hardly one twice.

    Args:
        dice: what they depend on.
        name: keeps them from being the same as another's.
    """

    def __init__(self, dice: random.Random, name: str) -> None:
        self._dice = dice
        self._name = name
        self._count = 0

    def poison(self) -> str:
        """Return a text that no embedder can embed."""
        return f"{self._fresh()} {POISON}"

    def some(self) -> str:
        """Return a text; now and then it is blank, very long, or one that others have."""
        kind = self._dice.random()
        if kind < 0.02:
            return self._dice.choice(["", " ", "\n\t"])
        if kind < 0.04:
            return self._dice.choice(COMMON)
        if kind < 0.042:
            return self._fresh() * 500
        return self._fresh()

    def _fresh(self) -> str:
        self._count += 1
        words = self._dice.choices(WORDS.split(), k=self._dice.randint(2, 8))
        return f"{' '.join(words)} {self._name}-{self._count}"
