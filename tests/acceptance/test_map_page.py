"""The page of ``sqlembed map`` in a browser: alone, harmless, searchable."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sqlembed.picture import page
from tests.fix_browser import Browser
from tests.unit.pictures import MISCHIEF, picture

#: All text of the page: widgets and tooltips have shadow roots of their own.
TEXT = """
(() => {
    const said = []
    const walk = root => {
        for (const node of root.childNodes) {
            if (node.nodeType == Node.TEXT_NODE) said.push(node.textContent)
            else if (!["SCRIPT", "STYLE"].includes(node.nodeName)) {
                if (node.shadowRoot) walk(node.shadowRoot)
                walk(node)
            }
        }
    }
    walk(document.body)
    return said.join(" ").replace(/\\s+/g, " ")
})()
"""
INPUT = """
Bokeh.index.find_one(Bokeh.documents[0].get_model_by_name("search")).input_el
"""
#: Where a point of the data stands in the window.
PLACE = """
(([x, y]) => {{
    const plot = Bokeh.documents[0].get_model_by_name("map")
    const view = Bokeh.index.find_one(plot)
    const box = view.canvas_view.el.getBoundingClientRect()
    return {{x: box.x + view.frame.x_scale.compute(x), y: box.y + view.frame.y_scale.compute(y)}}
}})({})
"""
FOUND = 'Bokeh.documents[0].get_model_by_name("found").data_source.data.text'
RANGE = 'Bokeh.documents[0].get_model_by_name("map").x_range'
SETTLED = "new Promise(done => setTimeout(done, 200))"


@pytest.fixture
def shown(browser: Browser, tmp_path: Path) -> Browser:
    """The browser with a picture of sixty rows."""
    file = tmp_path / "map.html"
    file.write_text(page.page(picture()), encoding="utf-8")
    browser.open(file)
    return browser


def typed(browser: Browser, text: str) -> list[str]:
    """Type a text into the search; return the texts that it finds."""
    browser.evaluate(f"{INPUT}.focus(), {INPUT}.select()")
    browser.call("Input.insertText", text=text)
    found: list[str] = browser.evaluate(f"[...{FOUND}]")
    return found


def mouse(browser: Browser, kind: str, place: dict[str, float], **more: Any) -> None:
    browser.call("Input.dispatchMouseEvent", type=kind, **place, **more)


def test_it_stands_alone(shown: Browser) -> None:
    assert [url for url in shown.requests if not url.startswith(("file:", "data:", "blob:"))] == []
    assert shown.errors == []
    assert "60 rows" in shown.evaluate(TEXT)


def test_texts_stay_texts(shown: Browser) -> None:
    assert shown.evaluate("document.title") == f"title {MISCHIEF[1]}"


@pytest.mark.parametrize("number", [0, 1, 2])
def test_the_text_under_the_mouse(shown: Browser, number: int) -> None:
    where = [float(value) for value in picture().points[number]]

    mouse(shown, "mouseMoved", shown.evaluate(PLACE.format(json.dumps(where))))
    shown.evaluate(SETTLED)

    said = shown.evaluate(TEXT)
    assert " ".join(picture().texts[number].split()) in said
    assert shown.evaluate("document.title") == f"title {MISCHIEF[1]}"
    assert shown.errors == []


def test_a_name_in_the_middle_of_its_group_is_no_row(shown: Browser) -> None:
    drawn = picture()
    middle = list(drawn.middle(drawn.groups[0]))

    mouse(shown, "mouseMoved", shown.evaluate(PLACE.format(json.dumps(middle))))
    shown.evaluate(SETTLED)

    assert "???" not in shown.evaluate(TEXT)


def test_a_search_finds_texts(shown: Browser) -> None:
    assert typed(shown, " ROW 1 <") == [picture().texts[1]]
    assert "1 of 60 rows" in shown.evaluate(TEXT)

    assert len(typed(shown, "row 1")) == 11
    assert len(typed(shown, "onerror")) == 20
    assert typed(shown, "nothing like it") == []
    assert "0 of 60 rows" in shown.evaluate(TEXT)

    shown.evaluate(f"{INPUT}.value = '', {INPUT}.dispatchEvent(new InputEvent('input'))")
    assert shown.evaluate(f"[...{FOUND}]") == []
    assert " 60 rows" in shown.evaluate(TEXT)


def test_the_wheel_zooms(shown: Browser) -> None:
    before = shown.evaluate(f"{RANGE}.end - {RANGE}.start")
    middle = shown.evaluate(PLACE.format("[1, 1]"))

    mouse(shown, "mouseWheel", middle, deltaX=0, deltaY=-240)
    shown.evaluate(SETTLED)

    assert shown.evaluate(f"{RANGE}.end - {RANGE}.start") < before


def test_numbers_have_a_scale(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "map.html"
    file.write_text(page.page(picture(numeric=True)), encoding="utf-8")

    browser.open(file)

    assert browser.errors == []
    assert len(typed(browser, "row 1")) == 11
