"""What ``sqlembed load`` says in the end."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import click

from sqlembed.cli.options import Place, program
from sqlembed.cli.output import one_line, print_json, remark, warn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlembed.cli.estimate import Estimate
    from sqlembed.cli.load import Order
    from sqlembed.loading import Contents, Target

#: More of them nobody reads.
COLUMNS_SHOWN = 40

#: Characters of a value that is only an example.
VALUE_SHOWN = 40


def report(
    place: Place,
    order: Order,
    relation: str,
    contents: Contents,
    target: Target,
    embeddings: dict[str, str],
    failed: dict[str, tuple[int, str | None]],
) -> None:
    """Say what was loaded and what to type next; ``--json`` says the first only."""
    if order.as_json:
        document: dict[str, Any] = {
            "table": relation,
            "created": target.created,
            "rows": contents.rows,
            "columns": {column.name: column.type for column in contents.columns},
            "key": target.key or [target.generated_key],
            "embeddings": embeddings,
            "failed": {name: count for name, (count, _) in failed.items()},
        }
        if not target.created:
            # The table has its own, which the file did not decide.
            del document["columns"], document["key"]
        print_json(document)
        return
    key = f", numbered in column {target.generated_key}" if target.generated_key else ""
    click.echo(f"{contents.rows} rows are loaded into table {relation}{key}.")
    if target.created:
        shown = [f"{column.name} {column.type}" for column in contents.columns[:COLUMNS_SHOWN]]
        if len(contents.columns) > COLUMNS_SHOWN:
            shown.append(f"and {len(contents.columns) - COLUMNS_SHOWN} more")
        click.echo(click.wrap_text(", ".join(shown), initial_indent="  ", subsequent_indent="  "))
    for column in contents.columns if target.created else []:
        if column.oddity:
            line, value = column.oddity
            remark(
                f"  {column.name} is text because of line {line}: {one_line(value)[:VALUE_SHOWN]!r}"
            )
    for name, (count, reason) in failed.items():
        warn(f"{count} rows have no {name}: {reason}")
        click.echo(f"When that is mended: {program()} retry {relation}", err=True)
    texts = [column.name for column in contents.columns if column.type == "text"]
    _say_next(place, order, relation, embeddings, texts[0] if len(texts) == 1 else "COLUMN")


def report_estimates(
    order: Order, table: str, contents: Contents, estimates: Sequence[Estimate]
) -> None:
    """Say what ``--dry-run`` has found out."""
    from sqlembed.cli.estimated import documents, show

    if order.as_json:
        columns = {column.name: column.type for column in contents.columns}
        document = {"table": table, "rows": contents.rows, "columns": columns}
        print_json(document | {"embeddings": documents(estimates)})
        return
    click.echo(f"{order.file.name} has {contents.rows} rows for table {table}.")
    show(estimates)


def _say_next(
    place: Place, order: Order, relation: str, embeddings: dict[str, str], column: str
) -> None:
    me, there = program(), place.arguments
    table = shlex.quote(relation)
    click.secho("\nWhat to type next", bold=True)
    if embeddings:
        if not order.wait:
            click.echo(f"  {me} worker --burst{there}")
        click.echo(f'  {me} search {table} "what you look for"{there}')
        click.echo(f"  {me} cluster {table}{there}")
    else:
        command = f"{me} load {shlex.quote(str(order.file))} --table {table}"
        click.echo(f"  {command} --replace --source {shlex.quote(column)}{there}")
    click.echo(f"  {me} server psql{there}")
