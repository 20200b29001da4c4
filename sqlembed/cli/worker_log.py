"""What a worker shows: a bar in a terminal, lines for machines everywhere else."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlembed.cli.output import CONTROL, messages, warn

if TYPE_CHECKING:
    from rich.console import Console

    from sqlembed.worker import Progress

log = logging.getLogger("sqlembed.worker")

#: Between two lines that say how far a worker is.
PROGRESS_EVERY_SECONDS = 10.0

#: What every record has; the rest is what the caller gave as ``extra``.
STANDARD = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}


class Lines(logging.Formatter):
    """A record as ``time level logger event key=value …``, or as one JSON object."""

    def __init__(self, *, as_json: bool) -> None:
        super().__init__()
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line."""
        fields = {key: value for key, value in vars(record).items() if key not in STANDARD}
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        moment += f".{int(record.msecs):03d}Z"
        if self._as_json:
            head = {
                "time": moment,
                "level": record.levelname.lower(),
                "logger": record.name,
                "event": record.getMessage(),
            }
            return json.dumps(head | fields, ensure_ascii=False, default=str)
        pairs = "".join(f" {key}={_value(value)}" for key, value in fields.items())
        message = CONTROL.sub(" ", record.getMessage())
        return f"{moment} {record.levelname.lower()} {record.name} {message}{pairs}"


@contextmanager
def shown(*, as_json: bool, level: str) -> Iterator[Callable[[Progress], None]]:
    """Send the log to stderr while a worker runs; yields the worker's observer.

    A terminal gets a progress bar, and warnings above it.
    """
    console = messages()
    bar = console.is_terminal and not as_json
    handler = logging.StreamHandler(sys.stderr) if not bar else _Above(console)
    handler.setFormatter(Lines(as_json=as_json))
    ours = logging.getLogger("sqlembed")
    before = ours.level, ours.propagate
    ours.addHandler(handler)
    ours.setLevel("WARNING" if bar and level == "INFO" else level)
    ours.propagate = False
    try:
        if bar:
            with _bar(console) as observe:
                yield observe
        else:
            yield _logged()
    finally:
        ours.removeHandler(handler)
        ours.level, ours.propagate = before


@contextmanager
def complaints() -> Iterator[None]:
    """While a command works as a worker, say on stderr what goes wrong, each thing once."""
    ours = logging.getLogger("sqlembed")
    handler = _Once()
    before = ours.propagate
    ours.addHandler(handler)
    ours.propagate = False
    try:
        yield
    finally:
        ours.removeHandler(handler)
        ours.propagate = before


class _Once(logging.Handler):
    """Says what a record complains of, unless it was said before."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._said: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        complaint = record.getMessage()
        if reason := getattr(record, "reason", None):
            complaint = f"{complaint}: {CONTROL.sub(' ', str(reason))}"
        if complaint not in self._said:
            self._said.add(complaint)
            warn(complaint)


class _Above(logging.Handler):
    """Prints above a progress bar."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        self._console.print(self.format(record), soft_wrap=True)


def _logged() -> Callable[[Progress], None]:
    said = time.monotonic()

    def observe(progress: Progress) -> None:
        nonlocal said
        if time.monotonic() - said < PROGRESS_EVERY_SECONDS:
            return
        said = time.monotonic()
        fields = {
            "done": progress.done,
            "pending": progress.pending,
            "failed": progress.failed,
            "requests": progress.requests,
            "rows_per_second": round(progress.done / max(progress.seconds, 1e-9), 1),
        }
        log.info("working", extra=fields)

    return observe


@contextmanager
def _bar(console: Console) -> Iterator[Callable[[Progress], None]]:
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[counts]}"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=console) as bar:
        task = bar.add_task("waiting for work, Ctrl-C ends", total=None, counts="")

        def observe(progress: Progress) -> None:
            counts = [f"{progress.done} rows"]
            counts += [f"{progress.pending} waiting"] if progress.pending else []
            counts += [f"{progress.failed} failed"] if progress.failed else []
            counts += [f"{progress.requests} requests"] if progress.requests else []
            bar.update(
                task,
                description=progress.embedding if progress.pending else "waiting for work",
                completed=progress.done,
                total=(progress.done + progress.pending) or None,
                counts=", ".join(counts),
            )

        yield observe


def _value(value: Any) -> str:
    text = CONTROL.sub(" ", str(value))
    return json.dumps(text, ensure_ascii=False) if not text or set(text) & set(' "=') else text
