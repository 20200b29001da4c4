"""``sqlembed worker``: serve jobs and requests until it is told to stop."""

from __future__ import annotations

import contextlib
import logging
import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from sqlembed.cli.options import Place, database_options, examples, registry_option

if TYPE_CHECKING:
    from types import FrameType

    from sqlembed.worker import Worker

LEVELS = ("debug", "info", "warning", "error")


@click.command(
    short_help="Compute vectors for rows and for SQL statements.",
    epilog=examples(
        "sqlembed worker",
        "sqlembed worker --registry app.embedders:registry",
        "sqlembed worker --burst",
        "sqlembed worker --log-json 2>> worker.log",
    ),
)
@database_options
@registry_option
@click.option("--burst", is_flag=True, help="End when nothing is left to do.")
@click.option(
    "--cache-size",
    metavar="SIZE",
    default="256MB",
    show_default=True,
    envvar="SQLEMBED_CACHE_SIZE",
    show_envvar=True,
    help="What the cache of vectors may take; of several workers the smallest counts.",
)
@click.option("--log-json", is_flag=True, help="Log one JSON object a line instead of key=value.")
@click.option(
    "--log-level", type=click.Choice(LEVELS), default="info", show_default=True, help="What to log."
)
def worker(
    place: Place,
    registry: str | None,
    burst: bool,
    cache_size: str,
    log_json: bool,
    log_level: str,
) -> None:
    """Compute the vectors of rows and of SQL statements, with the embedders of a registry.

    Any number of workers may run, on any machines. Ctrl-C and SIGTERM end one when the batch in
    hand is written.
    """
    from sqlembed import config
    from sqlembed.cli import worker_log
    from sqlembed.cli.database import open_database
    from sqlembed.cli.failures import INTERRUPTED
    from sqlembed.cli.serving import load_registry
    from sqlembed.worker import Worker

    size = config.byte_size(cache_size)
    embedders = load_registry(registry)
    database = open_database(place)
    with worker_log.shown(as_json=log_json, level=log_level.upper()) as observe:
        working = Worker(database.url, embedders, cache_size=size, observer=observe)
        with _stopped_by_signals(working) as received:
            working.run(burst=burst)
    if signal.SIGINT in received:
        raise click.exceptions.Exit(INTERRUPTED)


@contextlib.contextmanager
def _stopped_by_signals(working: Worker) -> Iterator[list[int]]:
    """Let SIGTERM and SIGINT end the worker, and a second SIGINT at once; yields what came."""
    received: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGINT and signal.SIGINT in received:
            raise KeyboardInterrupt
        received.append(number)
        logging.getLogger("sqlembed.worker").info(
            "stopping", extra={"signal": signal.Signals(number).name}
        )
        working.stop()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
