"""Every command explains itself, in its help and in the README."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from sqlembed.cli import cli

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")

#: What a command that only explains itself has no use for.
HEAVY = ("alembic", "numpy", "psycopg", "pyarrow", "rich", "sqlalchemy", "torch")


def walk(group: click.Group, words: tuple[str, ...]) -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        yield " ".join((*words, name)), command
        if isinstance(command, click.Group):
            yield from walk(command, (*words, name))


COMMANDS = dict(walk(cli, ("sqlembed",)))


def example_lines(command: click.Command) -> list[str]:
    text = f"{command.help or ''}\n{command.epilog or ''}"
    _, found, lines = text.partition("Examples:")
    return [line.strip() for line in lines.splitlines() if line.strip()] if found else []


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_help_and_examples(name: str) -> None:
    command = COMMANDS[name]
    assert command.help
    assert len(command.get_short_help_str(limit=60)) <= 60
    assert not command.get_short_help_str(limit=60).endswith("...")
    assert any(name in line for line in example_lines(command))
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            assert parameter.help, parameter.name


@pytest.mark.parametrize(
    "line", [line for command in COMMANDS.values() for line in example_lines(command)]
)
def test_examples_are_valid(line: str) -> None:
    # Inside $( ), and without what the shell takes for itself.
    inner = found[1] if (found := re.search(r"\$\((.*)\)", line)) else line
    words = shlex.split(re.sub(r" 2?>>? \S+$", "", inner))
    longest = max(
        (name for name in COMMANDS if words[: len(name.split())] == name.split()), key=len
    )
    # Parses what follows, and raises what a user would be told.
    COMMANDS[longest].make_context(longest, words[len(longest.split()) :])


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_in_the_readme(name: str) -> None:
    words = name.split()
    assert f"`{' '.join(words[:2])}`" in README
    if words[2:]:
        # Subcommands stand in the row of their group.
        (row,) = re.findall(rf"^\| `{' '.join(words[:2])}` \|.*$", README, re.MULTILINE)
        assert f"`{words[2]}`" in row


def test_every_command_in_the_readme_is_there() -> None:
    named = set(re.findall(r"`(sqlembed [a-z]+)[`\s]", README))
    assert named <= COMMANDS.keys()


def test_help_loads_nothing_heavy() -> None:
    code = f"import sys\nimport sqlembed.cli\nprint(sorted(set(sys.modules) & {set(HEAVY)!r}))\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
