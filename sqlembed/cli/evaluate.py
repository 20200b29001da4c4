"""``sqlembed evaluate``: how well each mode of searching ranks, by judgements."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sqlembed.cli.modes import MODES, WHAT_THEY_DO
from sqlembed.cli.options import (
    Place,
    database_options,
    embedding_option,
    examples,
    json_option,
    registry_option,
)

if TYPE_CHECKING:
    from sqlembed.cli.evaluator import Evaluation


@click.command(
    short_help="Measure how well searches rank, by judgements.",
    epilog=examples(
        "sqlembed evaluate article --queries queries.jsonl --qrels qrels/test.tsv",
        "sqlembed evaluate article --queries q.jsonl --qrels test.tsv --mode exact --mode hybrid",
        "sqlembed evaluate article --queries q.jsonl --qrels test.tsv --id-column slug --json",
    ),
)
@database_options
@click.argument("table")
@click.option(
    "--queries",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help='JSON Lines like {"_id": "1", "text": "..."}.',
)
@click.option(
    "--qrels",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Tabs between query-id, corpus-id and score, with that header.",
)
@click.option(
    "--mode",
    "modes",
    multiple=True,
    type=click.Choice(MODES),
    help=f"Give it once for each; by default all. {WHAT_THEY_DO}",
)
@click.option(
    "-k",
    type=click.IntRange(min=10, max=1000),
    default=100,
    show_default=True,
    help="How many rows to look at.",
)
@click.option(
    "--id-column", metavar="COLUMN", help="What corpus-id means.  [default: the primary key]"
)
@click.option(
    "--text-weight",
    type=click.FloatRange(min=0),
    default=1,
    show_default=True,
    help="What words count in hybrid searches, where vectors count 1.",
)
@embedding_option("Which vector column, where the table has several.")
@registry_option
@json_option
def evaluate(
    place: Place,
    table: str,
    queries: Path,
    qrels: Path,
    modes: tuple[str, ...],
    k: int,
    id_column: str | None,
    text_weight: float,
    embedding: str | None,
    registry: str | None,
    as_json: bool,
) -> None:
    """Search TABLE for judged queries and print nDCG@10, recall and MRR of each mode.

    The files are in BEIR's layout, and the measures those of trec_eval: nDCG@10 takes the score as
    gain, recall is the share of relevant rows among the first K, MRR one over the place of the
    first relevant one. A score above 0 is relevant. ms is the mean time of a search, without
    embedding the query.
    """
    from sqlembed.cli.database import open_database
    from sqlembed.cli.evaluator import Options, evaluation
    from sqlembed.evaluation import read_judgements, read_queries

    texts, judged = read_queries(queries), read_judgements(qrels)
    options = Options(modes or MODES, k, id_column, text_weight, embedding, registry)
    database = open_database(place)
    with database.connect() as connection:
        found = evaluation(connection, table, texts, judged, options)
    if as_json:
        _print_document(found)
    else:
        _print_table(found)


def _print_document(found: Evaluation) -> None:
    from dataclasses import asdict

    from sqlembed.cli.output import print_json

    print_json(asdict(found))


def _print_table(found: Evaluation) -> None:
    from sqlembed.cli.output import console, table

    output = console()
    rows = [
        [
            result.mode,
            f"{result.ndcg_at_10:.4f}",
            f"{result.recall:.4f}",
            f"{result.mrr:.4f}",
            f"{result.milliseconds:.1f}",
        ]
        for result in found.results
    ]
    names = ["mode", "nDCG@10", f"recall@{found.k}", "MRR", "ms"]
    laid, _ = table(names, rows, width=output.width, first=names)
    output.print(laid)
    click.echo(f"\n{found.queries} queries, {found.judgements} judgements.")
