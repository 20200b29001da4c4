"""``make bench``: the benchmark table, each line measured side by side in one run."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table

from tests.benchmarks import clustering, committing, embedding, searching, sync, uses, writing
from tests.benchmarks.stage import database

BENCHMARKS = {
    "embed": embedding.embed_from_sql,
    "backfill": embedding.backfill_with_minilm,
    "sync": sync.insert_with_minilm,
    "copy": writing.copy_into_an_embedded_table,
    "commits": committing.commits_of_many_writers,
    "null": writing.backfill_with_a_null_embedder,
    "search": searching.search_by_function_and_by_hand,
    "recall": searching.recall_and_time_of_filters,
    "uses": uses.uses_of_vectors,
    "kmeans": clustering.k_means,
}


def main(names: list[str]) -> None:
    if unknown := sorted(set(names) - set(BENCHMARKS)):
        sys.exit(f"no benchmark is called {unknown[0]}; there are: {', '.join(BENCHMARKS)}")
    table = Table("what", "against", "median", "from", "to", "goal", box=None)
    messages = Console(stderr=True)
    for name, benchmark in BENCHMARKS.items():
        if names and name not in names:
            continue
        with messages.status(f"measuring: {name}"), database() as url:
            for result in benchmark(url):
                values = (result.median, min(result.values), max(result.values))
                shown = [f"{value:.2f} {result.unit}" for value in values]
                table.add_row(result.what, result.against, *shown, result.goal)
    Console(width=None if sys.stdout.isatty() else 140).print(table)


if __name__ == "__main__":
    main(sys.argv[1:])
