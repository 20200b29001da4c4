"""Progress bars on stderr; nothing where stderr is no terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlembed.cli.output import messages

if TYPE_CHECKING:
    from rich.progress import ProgressColumn

#: Told what is done, and of how much.
Advance = Callable[[int, int], None]


@contextmanager
def bytes_bar(text: str, size: int) -> Iterator[Callable[[int], None]]:
    """Show how far a file has been read; yields what is told the number of bytes."""
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with _bar(text, size, *columns, TimeRemainingColumn()) as advance:
        yield lambda done: advance(done, size)


@contextmanager
def rows_bar(text: str) -> Iterator[Advance]:
    """Show how many rows are done; yields what is told, and of how many."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with _bar(text, None, *columns, TimeRemainingColumn()) as advance:
        yield advance


@contextmanager
def _bar(text: str, total: int | None, *columns: ProgressColumn) -> Iterator[Advance]:
    from rich.progress import Progress

    console = messages()
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task(text, total=total)

        def advance(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        yield advance
