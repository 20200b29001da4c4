"""What goes to stdout, a table or one JSON document, and what goes to stderr meanwhile."""

from __future__ import annotations

import json
import os
import re
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

#: Nobody watches a pipe, so nothing is cut to the width of a window.
PIPE_WIDTH = 160

#: What is over sooner needs no spinner.
PATIENCE_SECONDS = 1.0

#: A column of text is not made narrower than this.
NARROWEST = 12

#: One that matters most gets this much before any other gets a place.
ROOMY = 40

#: Between columns.
GAP = 3

#: What would move the cursor or change colours: a row may hold anything.
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


def console() -> Console:
    """Return where results go."""
    from rich.console import Console

    known = sys.stdout.isatty() or os.environ.get("COLUMNS")
    width = None if known else PIPE_WIDTH
    return Console(highlight=False, markup=False, emoji=False, soft_wrap=False, width=width)


def messages() -> Console:
    """Return where progress and remarks go."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, markup=False, emoji=False)


def print_json(document: Any) -> None:
    """Print the one document of ``--json``."""
    click.echo(json.dumps(document, ensure_ascii=False, indent=2, default=str))


def remark(text: str) -> None:
    """Say something on stderr."""
    click.echo(text, err=True)


def warn(text: str) -> None:
    """Say on stderr that something is not as it should be."""
    click.secho("Warning: ", fg="yellow", bold=True, nl=False, err=True)
    click.echo(text, err=True)


@contextmanager
def patience(text: str) -> Iterator[None]:
    """Show a spinner on stderr while something takes longer than a second."""
    console = messages()
    status = console.status(text)
    spinning = threading.Event()

    def start() -> None:
        spinning.set()
        if console.is_terminal:
            status.start()
        else:
            remark(f"{text} …")

    timer = threading.Timer(PATIENCE_SECONDS, start)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        if spinning.is_set():
            status.stop()


def one_line(value: Any) -> str:
    """Return a value as one line of text that is safe to print."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return CONTROL.sub(" ", text).strip()


def table(
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    width: int,
    first: Sequence[str] = (),
) -> tuple[Table, list[str]]:
    """Lay rows out in a given width, every row one line.

    Args:
        columns: the names of the columns.
        rows: their values.
        width: in characters.
        first: the columns that matter most: others are left out before one of these.

    Returns:
        the table, and the columns that found no room.
    """
    from rich.table import Table
    from rich.text import Text

    cells = [[one_line(value) for value in row] for row in rows]
    natural = [
        max([len(name), *(len(row[index]) for row in cells)]) for index, name in enumerate(columns)
    ]
    widths = _widths(natural, [name in first for name in columns], width)
    laid = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    shown = sorted(widths)
    numeric = [all(_is_number(row[index]) for row in rows) and bool(rows) for index in shown]
    for index, is_number in zip(shown, numeric, strict=True):
        laid.add_column(
            Text(columns[index]),
            width=widths[index],
            no_wrap=True,
            overflow="ellipsis",
            justify="right" if is_number else "left",
        )
    for row in cells:
        laid.add_row(*(Text(row[index]) for index in shown))
    return laid, [columns[index] for index in range(len(columns)) if index not in widths]


def _widths(natural: list[int], matters: list[bool], room: int) -> dict[int, int]:
    """Return the width of each column that finds room, by its position."""
    widths: dict[int, int] = {}
    for index in sorted(range(len(natural)), key=lambda index: not matters[index]):
        wishes = (ROOMY, NARROWEST) if matters[index] else (NARROWEST,)
        least = (min(natural[index], wish) for wish in wishes)
        fitting = next((wish for wish in least if wish + GAP <= room), None)
        if fitting is None and widths:
            break
        widths[index] = fitting or min(natural[index], NARROWEST)
        room -= widths[index] + GAP
    for index in sorted(widths, key=lambda index: natural[index]):
        more = min(natural[index] - widths[index], max(room, 0))
        widths[index] += more
        room -= more
    return widths


def fail(message: str, hint: str | None = None) -> NoReturn:
    """End the command: the input is wrong."""
    from sqlembed.errors import InputError

    raise InputError(message, hint=hint)


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))
