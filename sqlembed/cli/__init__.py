"""The command line: one module a group of commands, all registered here."""

from __future__ import annotations

import os
import sys

import click

import sqlembed
from sqlembed.cli import failures
from sqlembed.cli.advise import advise
from sqlembed.cli.cache import cache
from sqlembed.cli.cluster import cluster
from sqlembed.cli.demo import demo
from sqlembed.cli.doctor import doctor, uninstall
from sqlembed.cli.duplicates import duplicates
from sqlembed.cli.embedders import embedders
from sqlembed.cli.evaluate import evaluate
from sqlembed.cli.generation import generation
from sqlembed.cli.load import load
from sqlembed.cli.map import map
from sqlembed.cli.migrate import migrate
from sqlembed.cli.options import examples
from sqlembed.cli.refresh import refresh
from sqlembed.cli.search import search
from sqlembed.cli.server import server, url
from sqlembed.cli.status import retry, status
from sqlembed.cli.worker import worker


class Commands(click.Group):
    """Commands in the order in which a newcomer meets them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names as they were added."""
        del ctx
        return list(self.commands)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=examples(
        "sqlembed demo",
        "sqlembed load reports.csv --table report --source comments",
        'sqlembed search report "power line down on a home"',
    ),
)
@click.version_option(sqlembed.__version__, message="sqlembed %(version)s")
def cli() -> None:
    """Make a PostgreSQL database embed, search and cluster its text.

    Every command works on the database of --database-url, else SQLEMBED_DATABASE_URL, else libpq's
    PG* variables, else an embedded PostgreSQL that is started when it is needed.
    """


for command in (
    demo,
    load,
    search,
    cluster,
    duplicates,
    map,
    evaluate,
    advise,
    status,
    refresh,
    retry,
    generation,
    worker,
    embedders,
    cache,
    migrate,
    url,
    server,
    doctor,
    uninstall,
):
    cli.add_command(command)


def main() -> None:
    """Run the command line and end the process."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command; returns its exit code. What went wrong stands on stderr."""
    try:
        # Without standalone mode click returns what the command or ``Context.exit`` gave.
        code = cli.main(arguments, prog_name="sqlembed", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.Abort:
        return failures.INTERRUPTED
    except click.ClickException as error:
        error.show()
        return failures.BAD_INPUT
    except Exception as error:
        failure = failures.failure_of(error)
        if failure is None or os.environ.get("SQLEMBED_TRACEBACK"):
            raise
        failures.show(failure)
        return failure.exit_code
