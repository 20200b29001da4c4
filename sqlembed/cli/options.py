"""Options that several commands share."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True)
class Place:
    """Which database the user means."""

    url: str | None
    data_dir: Path | None

    @property
    def arguments(self) -> str:
        """What leads there again, to be repeated in what to type next; without a password."""
        import shlex

        if self.data_dir is not None:
            return f" --data-dir {shlex.quote(str(self.data_dir))}"
        if self.url is None:
            return ""
        if "@" in self.url or "password" in self.url:
            return " --database-url …"
        return f" --database-url {shlex.quote(self.url)}"


def database_options(command: Command) -> Command:
    """Add ``--database-url`` and ``--data-dir``; the command is given a ``Place`` first."""

    @functools.wraps(command)
    def placed(*args: Any, database_url: str | None, data_dir: Path | None, **kwargs: Any) -> Any:
        if database_url is not None and data_dir is not None:
            raise click.UsageError(
                "--database-url names a server of yours, --data-dir the embedded one: give one."
            )
        return command(Place(database_url, data_dir), *args, **kwargs)

    url = click.option(
        "--database-url",
        metavar="URL",
        help="The database. Else SQLEMBED_DATABASE_URL, else libpq's PG*, else the embedded"
        " server.",
    )
    folder = click.option(
        "--data-dir",
        metavar="FOLDER",
        type=click.Path(path_type=Path),
        help="Where the embedded server keeps its data.",
    )
    return url(folder(placed))  # type: ignore[return-value]


def json_option(command: Command) -> Command:
    """Add ``--json``, given to the command as ``as_json``."""
    return click.option(
        "--json", "as_json", is_flag=True, help="Print one JSON document and nothing else."
    )(command)


def registry_option(command: Command) -> Command:
    """Add ``--registry``."""
    return click.option(
        "--registry",
        metavar="MODULE:OBJECT",
        envvar="SQLEMBED_REGISTRY",
        show_envvar=True,
        help="Where the embedders come from; by default the built-in registry, which has minilm.",
    )(command)


def embedding_option(help: str) -> Callable[[Command], Command]:
    """Add ``--embedding``, the name of a vector column."""
    return click.option("--embedding", metavar="COLUMN", help=help)


def examples(*lines: str) -> str:
    """Return the end of a help text: what one would really type."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def program() -> str:
    """Return how the user calls this program, to be repeated in what to type next."""
    import shlex

    if Path(sys.argv[0]).name != "__main__.py":
        return "sqlembed"
    script = Path(sys.executable).with_name("sqlembed")
    if not script.exists():
        return "python -m sqlembed"
    here = Path.cwd()
    return shlex.quote(str(script.relative_to(here) if script.is_relative_to(here) else script))
