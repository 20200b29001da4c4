"""What a picture shows, whatever draws it: points, their texts, their groups or values."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

#: Nobody can tell more colours than these apart.
MOST_GROUPS = 20

#: Of the groups that get no colour, and of the rows that are in none.
OTHERS = "others"
NONE = "none"


@dataclass(frozen=True)
class Group:
    """Points of one colour."""

    #: What the legend says.
    name: str
    #: Which points.
    members: NDArray[np.intp]
    #: What stands in the picture in their middle; ``None`` for what is no group of its own.
    label: str | None

    @property
    def is_grey(self) -> bool:
        """Whether it is what is left over."""
        return self.label is None


@dataclass(frozen=True)
class Picture:
    """Points with texts, in groups or with a value each."""

    title: str
    #: What the colours mean; ``None`` where there is one colour.
    colour: str | None
    #: Shape (n, 2).
    points: NDArray[np.float64]
    texts: Sequence[str]
    #: Largest first, what is left over last; every point is in one of them.
    groups: Sequence[Group]
    #: A number for each point, in the place of colours of groups; NaN where there is none.
    values: NDArray[np.float64] | None = None

    @property
    def size(self) -> float:
        """A good diameter of a point in pixels: many points are small ones."""
        return float(np.clip(400 / np.sqrt(max(len(self.points), 1)), 3, 9))

    def middle(self, group: Group) -> tuple[float, float]:
        """Return where most of a group is."""
        x, y = np.median(self.points[group.members], axis=0)
        return float(x), float(y)


def grouped(values: Sequence[str | None], names: Mapping[str, str] | None = None) -> list[Group]:
    """Sort points into groups by a value that each of them has.

    Args:
        values: one for each point; ``None`` where it has none.
        names: what to call a value's group, where not by the value itself.
    """
    names = names or {}
    counts = Counter(value for value in values if value is not None)
    # Largest first; equally large ones by name, so that a picture is the same every time.
    ranked = sorted(counts, key=lambda value: (-counts[value], value))
    shown = ranked[:MOST_GROUPS]
    column = np.array(values, dtype=object)
    groups = []
    for value in shown:
        name = names.get(value, value)
        groups.append(Group(name, np.flatnonzero(column == value), name))
    if len(ranked) > len(shown):
        rest = set(ranked[MOST_GROUPS:])
        members = [place for place, value in enumerate(values) if value in rest]
        groups.append(Group(f"{OTHERS} ({len(rest)})", np.array(members, dtype=np.intp), None))
    missing = np.flatnonzero(np.array([value is None for value in values], dtype=bool))
    if len(missing):
        groups.append(Group(NONE, missing, None))
    return groups


def scaled(values: Sequence[str | None]) -> NDArray[np.float64] | None:
    """Return numbers for a scale of colours, or ``None`` where they are written otherwise.

    As amounts of money are. What is not finite becomes NaN.
    """
    try:
        numbers = np.array([np.nan if value is None else float(value) for value in values])
    except ValueError:
        return None
    numbers[~np.isfinite(numbers)] = np.nan
    return numbers
