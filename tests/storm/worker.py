"""A worker of a storm, as a process to be killed."""

from __future__ import annotations

import logging
import signal
import sys
from pathlib import Path

import psycopg

from sqlembed.embedders import Registry
from sqlembed.worker import Worker
from tests.storm.embedder import StormEmbedder

#: The server could not be reached at the start: whoever looks after a worker tries again.
TRY_AGAIN = 75


def main(url: str, folder: str, seed: str) -> int:
    said = logging.StreamHandler()
    said.setFormatter(logging.Formatter("%(message)s: %(reason)s", defaults={"reason": ""}))
    logging.basicConfig(level=logging.WARNING, handlers=[said])
    registry = Registry()
    registry.add(StormEmbedder(Path(folder), seed))
    worker = Worker(url, registry)
    signal.signal(signal.SIGTERM, lambda *_: worker.stop())
    try:
        worker.run()
    except psycopg.OperationalError as error:
        sys.stderr.write(f"could not start: {error}\n")
        return TRY_AGAIN
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
