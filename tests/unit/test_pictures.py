"""What a picture shows, before and after it is drawn."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sqlembed.errors import ConfigError, InputError
from sqlembed.picture import image, neighbours, page
from sqlembed.picture.picture import Picture, grouped, scaled
from tests.unit.pictures import MISCHIEF, picture

PLACES = """
import json
import numpy as np
from sqlembed.picture import neighbours

noise = np.random.default_rng(0).standard_normal((24, 8)) * 0.3
vectors = (np.eye(2, 8)[np.arange(24) % 2] * 5 + noise).astype("float32")
print(json.dumps(neighbours.places(vectors, "cosine", seed=1).tolist()))
"""


def test_groups_are_sorted_by_size_and_what_is_left_over_comes_last() -> None:
    values = [*["b"] * 3, *["a"] * 5, None, *["c"] * 3]

    found = grouped(values, {"a": "the first"})

    assert [(one.name, len(one.members), one.label) for one in found] == [
        ("the first", 5, "the first"),
        ("b", 3, "b"),
        ("c", 3, "c"),
        ("none", 1, None),
    ]
    assert [values[place] for place in found[1].members] == ["b"] * 3


def test_more_groups_than_colours_share_one() -> None:
    values = [str(number) for number in range(25) for _ in range(2)]

    found = grouped(values)

    assert len(found) == 21
    assert (found[-1].name, len(found[-1].members), found[-1].is_grey) == ("others (5)", 10, True)
    assert sorted(np.concatenate([one.members for one in found])) == list(range(50))


def test_a_value_called_none_is_a_group() -> None:
    assert [one.is_grey for one in grouped(["none", "none", None])] == [False, True]


def test_what_is_no_finite_number_has_no_colour() -> None:
    found = scaled(["1.5", None, "NaN", "Infinity"])

    assert found is not None
    assert found[0] == 1.5
    assert np.isnan(found[1:]).all()


def test_what_is_written_otherwise_than_numbers_has_no_scale() -> None:
    assert scaled(["1.5", "$2.00"]) is None


@pytest.mark.parametrize("numeric", [False, True])
def test_a_page_needs_nothing_else(numeric: bool) -> None:
    html = page.page(picture(numeric=numeric))

    outside = re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)
    assert not re.search(r"""(src|href)=["']""", outside.replace("&quot;", '"'))
    assert not re.search(r"<script[^>]*\bsrc=", html)
    assert MISCHIEF[0] not in html
    assert MISCHIEF[1] not in html


@pytest.mark.parametrize("numeric", [False, True])
def test_an_image(numeric: bool, tmp_path: Path) -> None:
    file = tmp_path / "map.png"

    image.save(picture(numeric=numeric), file)

    content = file.read_bytes()
    assert content.startswith(b"\x89PNG\r\n")
    assert (int.from_bytes(content[16:20]), int.from_bytes(content[20:24])) == (1800, 1350)


def test_names_that_matplotlib_would_leave_out_or_not_know(tmp_path: Path) -> None:
    names = ["_hidden", "$x^", "物語", None]
    points = np.arange(8, dtype=float).reshape(4, 2)
    drawn = Picture("_t $", "_c $", points, ["a"] * 4, grouped(names))

    image.save(drawn, tmp_path / "map.png")

    assert (tmp_path / "map.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("module", "require", "extra"),
    [
        ("bokeh.plotting", page.require, "map"),
        ("matplotlib.figure", image.require, "map"),
        ("umap", neighbours.require, "umap"),
    ],
)
def test_what_is_not_installed(
    module: str, require: Callable[[], None], extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(ConfigError) as caught:
        require()

    assert caught.value.hint == f"pip install 'sqlembed[{extra}]'"


def test_umap_keeps_neighbours_together() -> None:
    # Interpreted: numba would compile for longer than so few points take.
    done = subprocess.run(
        [sys.executable, "-c", PLACES],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    found = np.array(json.loads(done.stdout))
    assert found.shape == (24, 2)
    middles = np.array([found[start::2].mean(axis=0) for start in range(2)])
    nearest = np.linalg.norm(found[:, None] - middles[None], axis=2).argmin(axis=1)
    assert (nearest == np.arange(24) % 2).all()


def test_umap_needs_a_few_rows() -> None:
    with pytest.raises(InputError, match="4 rows"):
        neighbours.places(np.eye(4, dtype=np.float32), "cosine", seed=0)
