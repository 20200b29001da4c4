"""A picture for tests, with texts that mean mischief."""

from __future__ import annotations

import numpy as np

from sqlembed.picture.picture import Picture, grouped, scaled

#: Each would say ``hacked`` if a page took it for more than text.
MISCHIEF = [
    "<img src=x onerror=\"document.title = 'hacked'\">",
    "</script><script>document.title = 'hacked'</script>",
    "{{ 7 * 7 }} @x @{y} &lt;b&gt; $$\\frac{1}{2}$$ <!-- ' \" \\",
]


def picture(count: int = 60, *, numeric: bool = False) -> Picture:
    """Return points in three groups, every text and every name of a group mischief."""
    random = np.random.default_rng(0)
    groups = np.arange(count) % 3
    points = random.standard_normal((count, 2)) * 0.2 + np.array([[0, 0], [3, 0], [0, 3]])[groups]
    texts = [f"row {number} {MISCHIEF[number % 3]}" for number in range(count)]
    numbers = [None if number == 1 else str(number) for number in range(count)]
    return Picture(
        f"title {MISCHIEF[1]}",
        f"colour {MISCHIEF[0]}",
        points,
        texts,
        grouped([MISCHIEF[group] for group in groups]),
        scaled(numbers) if numeric else None,
    )
