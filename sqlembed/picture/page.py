"""One HTML page that needs nothing else: zoom, texts under the mouse, a search, a legend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sqlembed.errors import ConfigError

if TYPE_CHECKING:
    from bokeh.models import CustomJS
    from bokeh.plotting import figure as Figure

    from sqlembed.picture.picture import Group, Picture

GREY = "#b8b8b8"
ALPHA = 0.7
#: Of points that a search did not find.
DIM = 0.08

#: Texts are values of ``@text`` and ``@group``, which bokeh escapes.
TOOLTIP = """
<div style="max-width: 28em; white-space: normal; overflow-wrap: anywhere">@text</div>
<div style="opacity: 0.6">@group</div>
"""

SEARCH = """
const wanted = cb_obj.value_input.trim().toLowerCase()
const hit = {x: [], y: [], text: [], group: []}
let total = 0
for (const renderer of points) {
    const data = renderer.data_source.data
    const length = data.text.length
    total += length
    for (let i = 0; wanted && i < length; i++) {
        if (data.text[i].toLowerCase().includes(wanted)) {
            hit.x.push(data.x[i]); hit.y.push(data.y[i])
            hit.text.push(data.text[i]); hit.group.push(data.group[i])
        }
    }
    renderer.glyph.fill_alpha = {value: wanted ? dim : alpha}
}
found.data = hit
count.text = wanted ? `${hit.x.length} of ${total} rows` : `${total} rows`
"""


def require() -> None:
    """Raise if bokeh is not installed.

    Raises:
        ConfigError: it is not.
    """
    try:
        import bokeh.plotting
    except ImportError as error:
        raise ConfigError(
            "drawing a map as a page needs bokeh", hint="pip install 'sqlembed[map]'"
        ) from error
    del bokeh


def page(picture: Picture) -> str:
    """Return the page.

    Raises:
        ConfigError: bokeh is not installed.
    """
    require()
    from bokeh.embed import file_html
    from bokeh.layouts import column, row
    from bokeh.models import ColumnDataSource, Div, HoverTool, TextInput
    from bokeh.resources import INLINE

    plot = _plot(picture)
    if picture.values is None:
        points = _draw_groups(plot, picture)
    else:
        points = [_draw_values(plot, picture)]
    found = ColumnDataSource({"x": [], "y": [], "text": [], "group": []})
    marks = plot.scatter(
        "x",
        "y",
        source=found,
        size=picture.size + 5,
        fill_color="#ffd400",
        line_color="#000000",
        name="found",
    )
    _label(plot, picture)
    plot.add_tools(HoverTool(tooltips=TOOLTIP, renderers=[*points, marks], limit=5))
    count = Div(text=f"{len(picture.points)} rows", margin=(10, 5, 5, 5))
    search = TextInput(placeholder="search the texts", width=320, name="search")
    search.js_on_change("value_input", _searching(points, found, count))
    layout = column(row(search, count), plot, sizing_mode="stretch_both")
    return str(file_html(layout, INLINE, title=picture.title))


def _plot(picture: Picture) -> Figure:
    from bokeh.models import PlainText, Title
    from bokeh.plotting import figure

    plot = figure(
        name="map",
        # Plain, so that no text of the user's is read as TeX.
        title=Title(text=PlainText(text=picture.title)),
        tools="pan,wheel_zoom,box_zoom,reset,save",
        active_scroll="wheel_zoom",
        output_backend="webgl",
        sizing_mode="stretch_both",
        match_aspect=True,
        min_height=300,
    )
    plot.axis.visible = False
    plot.grid.grid_line_alpha = 0.3
    plot.toolbar.logo = None
    return plot


def _data(picture: Picture, group: Group) -> dict[str, Any]:
    where = picture.points[group.members].astype(np.float32)
    return {
        "x": where[:, 0],
        "y": where[:, 1],
        "text": [picture.texts[number] for number in group.members],
    }


def _draw_groups(plot: Figure, picture: Picture) -> list[Any]:
    from bokeh.core.properties import value
    from bokeh.models import Legend, LegendItem
    from bokeh.palettes import Category10, Category20

    coloured = [group for group in picture.groups if not group.is_grey]
    palette = Category10[10] if len(coloured) <= 10 else Category20[20]
    colours = iter(palette)
    drawn, items = [], []
    # The largest below the others, and below all what is left over.
    for group in picture.groups:
        renderer = plot.scatter(
            "x",
            "y",
            source={**_data(picture, group), "group": [group.name] * len(group.members)},
            size=picture.size,
            fill_color=GREY if group.is_grey else next(colours),
            fill_alpha=ALPHA,
            line_color=None,
            level="underlay" if group.is_grey else "glyph",
        )
        drawn.append(renderer)
        label = value(f"{group.name} · {len(group.members)}")
        items.append(LegendItem(label=label, renderers=[renderer]))
    if picture.colour is not None:
        legend = Legend(items=items, title=picture.colour, click_policy="hide")
        plot.add_layout(legend, "right")
    return drawn


def _draw_values(plot: Figure, picture: Picture) -> Any:
    from bokeh.models import ColorBar, LinearColorMapper
    from bokeh.palettes import Viridis256

    assert picture.values is not None
    known = picture.values[np.isfinite(picture.values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    mapper = LinearColorMapper(palette=Viridis256, low=low, high=high, nan_color=GREY)
    everything = np.arange(len(picture.points))
    shown = [f"{picture.colour}: {value:g}" for value in picture.values]
    renderer = plot.scatter(
        "x",
        "y",
        source={
            "x": picture.points[everything, 0].astype(np.float32),
            "y": picture.points[everything, 1].astype(np.float32),
            "text": list(picture.texts),
            "group": shown,
            "value": picture.values,
        },
        size=picture.size,
        fill_color={"field": "value", "transform": mapper},
        fill_alpha=ALPHA,
        line_color=None,
    )
    plot.add_layout(ColorBar(color_mapper=mapper, title=picture.colour), "right")
    return renderer


def _label(plot: Figure, picture: Picture) -> None:
    named = [group for group in picture.groups if group.label]
    if picture.colour is None or picture.values is not None:
        return
    middles = [picture.middle(group) for group in named]
    plot.text(
        "x",
        "y",
        text="text",
        source={
            "x": [x for x, _ in middles],
            "y": [y for _, y in middles],
            "text": [group.label for group in named],
        },
        text_align="center",
        text_baseline="middle",
        text_font_size="12px",
        text_font_style="bold",
        background_fill_color="white",
        background_fill_alpha=0.5,
        padding=2,
    )


def _searching(points: list[Any], found: Any, count: Any) -> CustomJS:
    from bokeh.models import CustomJS

    given = {"points": points, "found": found, "count": count, "alpha": ALPHA, "dim": DIM}
    return CustomJS(args=given, code=SEARCH)
