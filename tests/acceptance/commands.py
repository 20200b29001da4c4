"""The command ``sqlembed`` in a process of its own, with a registry and a file to load."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

Connection = psycopg.Connection[tuple[object, ...]]

REGISTRY = """
from sqlembed import Registry
from sqlembed.embedders import HashEmbedder

registry = Registry()
registry.add(HashEmbedder("hash", 64))
other = Registry()
other.add(HashEmbedder("hash", 64, version="2"))


@other.embedder("picky", dimensions=3)
def picky(texts):
    raise ValueError("no text is good enough")
"""

REPORTS = """\
state,comments
TX,Power lines down on a house
TX,Large trees down
OK,Quarter sized hail covered the ground
NE,
"""


@dataclass
class Done:
    """What is left of a command that has ended."""

    code: int
    output: str
    error: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.output)


Command = Callable[..., Done]


def environment() -> dict[str, str]:
    # Wide, so that no message is broken where a test looks.
    return os.environ | {"COLUMNS": "200", "SQLEMBED_REGISTRY": "my_embedders:registry"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working folder with a registry and a file of reports."""
    (tmp_path / "my_embedders.py").write_text(REGISTRY)
    (tmp_path / "reports.csv").write_text(REPORTS)
    return tmp_path


@pytest.fixture
def command(folder: Path) -> Command:
    """Run ``sqlembed`` in a process of its own, in that folder."""

    def run_command(*arguments: str, program: tuple[str, ...] = ("-m", "sqlembed")) -> Done:
        done = subprocess.run(
            [sys.executable, *program, *arguments],
            cwd=folder,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=120,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    return run_command


@pytest.fixture
def loaded(command: Command, url: str) -> Done:
    """The table ``report``, loaded and embedded by ``hash``."""
    done = command(
        *("load", "reports.csv", "--table", "report", "--source", "comments"),
        *("--embedder", "hash", "--database-url", url, "--json"),
    )
    assert done.code == 0, done.error
    return done
