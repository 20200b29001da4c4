"""``make storm``: a long storm, and its figures."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import click
import sqlalchemy as sa
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from sqlembed import config
from sqlembed.schema import migrate
from sqlembed.server import Server
from tests.storm.figures import figures
from tests.storm.plan import Plan
from tests.storm.storm import Storm

LONG = Plan(
    seed=1,
    operations=200_000,
    keys=1_000,
    kills=120,
    cuts=300,
    outages=8,
    outage=8.0,
    looks=100,
)


@click.command()
@click.option("--operations", default=LONG.operations, show_default=True)
@click.option("--seed", default=LONG.seed, show_default=True)
def main(operations: int, seed: int) -> None:
    """Let a storm rage over an embedded PostgreSQL; fails when it leaves anything wrong."""
    plan = replace(LONG, operations=operations, seed=seed)
    with tempfile.TemporaryDirectory(prefix="sqlembed-storm-") as name:
        Path(name).chmod(0o755)
        server = Server(Path(name) / "server", durable=False)
        server.start()
        try:
            engine = sa.create_engine(config.sqlalchemy_url(server.url()), poolclass=sa.NullPool)
            assert migrate.upgrade(engine) == []
            records = Path(name) / "records"
            records.mkdir()
            storm = Storm(server.url(), records, plan)
            columns = (TextColumn("operations"), BarColumn(), MofNCompleteColumn())
            with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as progress:
                task = progress.add_task("operations", total=operations)
                result = storm.run(lambda done: progress.update(task, completed=done))
        finally:
            server.stop()
    table = Table("what", "figure", box=None)
    for what, figure in figures(plan, result).items():
        table.add_row(what, figure)
    Console(width=None if sys.stdout.isatty() else 120).print(table)
    for problem in result.problems:
        click.echo(problem, err=True)
    sys.exit(bool(result.problems))


if __name__ == "__main__":
    main()
