"""``sqlembed load``: a file becomes a table whose rows can be searched by meaning."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from sqlembed.cli.options import (
    Place,
    database_options,
    embedding_option,
    examples,
    json_option,
    registry_option,
)

DEFAULT_EMBEDDER = "minilm"
DEFAULT_EMBEDDING = "embedding"


@dataclass(frozen=True)
class Order:
    """What the user asked for, option by option."""

    file: Path
    table: str
    source: str | None
    embedder: str | None
    embedding: str | None
    full_text: str | None
    chunking: str | None
    registry: str | None
    key: tuple[str, ...]
    generated_key: str | None
    append: bool
    replace: bool
    format: str | None
    delimiter: str | None
    no_quotes: bool
    encoding: str
    wait: bool
    dry_run: bool
    as_json: bool

    def __post_init__(self) -> None:
        if self.append and self.replace:
            raise click.UsageError("--append keeps the table's rows, --replace does not: say one.")
        if self.key and self.generated_key:
            raise click.UsageError(
                "--key names columns of the file, --generated-key makes one: say one."
            )
        wishes = (self.embedder, self.embedding, self.full_text, self.chunking)
        if self.source is None and any(wishes):
            raise click.UsageError("--source is missing: what is to be embedded?")


def _json(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None:
        try:
            json.loads(value)
        except ValueError as error:
            raise click.BadParameter(f"not JSON: {error}") from None
    return value


def _delimiter(_context: click.Context, _parameter: click.Parameter, value: str | None) -> Any:
    found = {"tab": "\t", "\\t": "\t"}.get(value or "", value)
    if found is not None and (len(found) != 1 or found in '"\r\n'):
        raise click.BadParameter("give one character, or tab")
    return found


@click.command(
    short_help="Make a table from a file, and embed it.",
    epilog=examples(
        "sqlembed load reports.csv --table report --source comments",
        "sqlembed load articles.jsonl.gz --table article --source \"title || ' ' || body\"",
        "sqlembed load pages.jsonl --table page --source body --chunking '{\"tokens\": 256}'",
        "sqlembed load prices.parquet --table shop.price --key shop --key article",
        "sqlembed load today.csv --table report --append",
        "sqlembed load reports.csv --table report --source comments --dry-run",
    ),
)
@database_options
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--table", required=True, metavar="TABLE", help="Its name, or schema.table.")
@click.option(
    "--source",
    metavar="EXPR",
    help="What to embed: a column, or any SQL expression over a row. Without it nothing is"
    " embedded.",
)
@click.option(
    "--embedder", metavar="NAME", help=f"What embeds the source.  [default: {DEFAULT_EMBEDDER}]"
)
@embedding_option(f"The column for the vectors.  [default: {DEFAULT_EMBEDDING}]")
@click.option(
    "--full-text",
    metavar="LANGUAGE",
    help="Keep the words of the source as well, for searches by words: english, german, simple, …",
)
@click.option(
    "--chunking",
    metavar="JSON",
    callback=_json,
    help='Cut long texts, as {"tokens": 256, "overlap": 32}, and find rows by their best chunk.',
)
@registry_option
@click.option(
    "--key",
    multiple=True,
    metavar="COLUMN",
    help="A column of the primary key; give it once for each. By default the column id, and where"
    " the file has none, numbers in a new column id.",
)
@click.option("--generated-key", metavar="COLUMN", help="Number the rows in a new column.")
@click.option("--append", is_flag=True, help="Add to a table that exists, by names of columns.")
@click.option("--replace", is_flag=True, help="Put the rows in place of those that are there.")
@click.option("--format", type=click.Choice(["csv", "jsonl", "parquet"]), help="If not by name.")
@click.option(
    "--delimiter", callback=_delimiter, metavar="CHARACTER", help="Of CSV, if it is not found out."
)
@click.option("--no-quotes", is_flag=True, help="Quotation marks in CSV are text.")
@click.option("--encoding", default="utf-8", show_default=True, help="Of CSV and JSON Lines.")
@click.option("--wait/--no-wait", default=True, help="Whether to wait for the vectors.")
@click.option("--dry-run", is_flag=True, help="Say what it would cost, and change nothing.")
@json_option
def load(place: Place, **given: Any) -> None:
    """Make a table from a CSV, JSON Lines or Parquet FILE, and embed it.

    The first line of a CSV names its columns; an empty field is NULL. A column gets the narrowest
    type that holds all of its values unchanged, so codes with leading zeros stay text. CSV and JSON
    Lines may be compressed with gzip. All of the file is loaded or, after an error, nothing.

    Without a worker that serves the embedder, the rows are embedded by this command itself.
    """
    from sqlembed.cli.loader import run

    run(place, Order(**given))
