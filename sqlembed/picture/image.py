"""The picture as an image file."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from sqlembed.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

    from sqlembed.picture.picture import Picture

GREY = "#b8b8b8"
#: In inches, and pixels an inch.
SIZE = (12, 9)
RESOLUTION = 150


def require() -> None:
    """Raise if matplotlib is not installed.

    Raises:
        ConfigError: it is not.
    """
    try:
        import matplotlib.figure
    except ImportError as error:
        raise ConfigError(
            "drawing a map as an image needs matplotlib", hint="pip install 'sqlembed[map]'"
        ) from error
    del matplotlib


def save(picture: Picture, path: Path) -> None:
    """Write the image; its format is PNG.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    require()
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE, dpi=RESOLUTION, layout="constrained")
    axes = figure.add_subplot()
    axes.set_axis_off()
    axes.set_aspect("equal", adjustable="datalim")
    # No text of the user's is read as mathematics.
    axes.set_title(picture.title, parse_math=False)
    if picture.values is None:
        _draw_groups(axes, picture)
    else:
        _draw_values(axes, picture)
    with warnings.catch_warnings():
        # A script that the font does not have is shown as boxes.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(path, format="png")


def _diameter(picture: Picture) -> float:
    return float((picture.size * 0.75) ** 2)


def _draw_groups(axes: Axes, picture: Picture) -> None:
    from matplotlib import colormaps

    coloured = [group for group in picture.groups if not group.is_grey]
    colours = iter(colormaps["tab10" if len(coloured) <= 10 else "tab20"](range(20)))
    drawn = [
        axes.scatter(
            picture.points[group.members, 0],
            picture.points[group.members, 1],
            s=_diameter(picture),
            color=GREY if group.is_grey else next(colours),
            alpha=0.7,
            linewidths=0,
            zorder=0 if group.is_grey else 1,
        )
        for group in picture.groups
    ]
    if picture.colour is None:
        return
    for group in coloured:
        axes.text(
            *picture.middle(group),
            str(group.label),
            ha="center",
            va="center",
            fontsize=9,
            weight="bold",
            parse_math=False,
            bbox={"facecolor": "white", "alpha": 0.6, "edgecolor": "none", "pad": 1},
        )
    # The texts come afterwards: matplotlib leaves out those that begin with an underscore.
    legend = axes.legend(
        drawn,
        ["·"] * len(drawn),
        title=" ",
        loc="center left",
        bbox_to_anchor=(1, 0.5),
        frameon=False,
        markerscale=max(1.0, 6 / picture.size),
    )
    for text, group in zip(legend.get_texts(), picture.groups, strict=True):
        text.set_parse_math(False)
        text.set_text(f"{group.name} · {len(group.members)}")
    legend.get_title().set_parse_math(False)
    legend.get_title().set_text(picture.colour)


def _draw_values(axes: Axes, picture: Picture) -> None:
    assert picture.values is not None
    known = np.isfinite(picture.values)
    axes.scatter(
        picture.points[~known, 0],
        picture.points[~known, 1],
        s=_diameter(picture),
        color=GREY,
        linewidths=0,
    )
    drawn = axes.scatter(
        picture.points[known, 0],
        picture.points[known, 1],
        s=_diameter(picture),
        c=picture.values[known],
        cmap="viridis",
        alpha=0.7,
        linewidths=0,
    )
    assert axes.figure is not None
    bar = axes.figure.colorbar(drawn, ax=axes)
    bar.set_label(picture.colour or "", parse_math=False)
