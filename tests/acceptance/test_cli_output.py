"""Tables fit the window, and what is in a row cannot do anything to the terminal."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from sqlembed.cli.output import one_line, table

LONG = "a narrative of what the storm did to the trees and to the houses " * 3


def drawn(columns: list[str], rows: list[list[Any]], width: int, first: list[str]) -> list[str]:
    console = Console(width=width, markup=False, color_system=None)
    with console.capture() as capture:
        console.print(table(columns, rows, width=width, first=first)[0])
    return capture.get().splitlines()


@pytest.mark.parametrize("width", [30, 60, 80, 120, 400])
def test_every_row_is_one_line_of_the_width(width: int) -> None:
    columns = ["distance", "id", "state", "town", "text"]
    rows = [["0.123", number, "TX", "Amarillo", LONG] for number in range(3)]
    lines = drawn(columns, rows, width, ["distance", "text"])
    assert len(lines) == 4
    assert all(len(line) <= width for line in lines)
    assert all("0.123" in line for line in lines[1:])


def test_what_matters_is_kept_and_the_rest_is_named() -> None:
    columns = ["distance", "id", "state", "town", "text"]
    rows = [["0.123", 1, "TX", "Amarillo", LONG]]
    laid, left_out = table(columns, rows, width=60, first=["distance", "text"])
    assert [str(column.header) for column in laid.columns] == ["distance", "id", "text"]
    assert left_out == ["state", "town"]


def test_short_rows_are_shown_whole() -> None:
    (header, line) = drawn(["a", "b"], [["x", "a text of some words"]], 80, [])
    assert header.split() == ["a", "b"]
    assert line.strip() == "x   a text of some words"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        (0.1234567, "0.123457"),
        (12345, "12345"),
        ("two\nlines\tand [bold]", "two lines and [bold]"),
        ("\x1b]0;title\x07\x1b[2Jgone", "]0;title [2Jgone"),
        ("\x9b31mred", "31mred"),
        ({"a": ["é\x1b"]}, '{"a": ["é\\u001b"]}'),
    ],
)
def test_values_are_safe_to_print(value: Any, shown: str) -> None:
    assert one_line(value) == shown
