"""What embedding through SQL costs over calling the model."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

from sqlembed.demo.docstrings import standard_library
from sqlembed.embedders import builtin
from sqlembed.worker import Worker, register_embedders
from tests.benchmarks.stage import NullEmbedder, Result, connect, ratios, seconds, working

EMBED = "select sqlembed.embed(%s, %s)"


def embed_from_sql(url: str) -> Iterator[Result]:
    minilm = builtin.registry().get("minilm")
    minilm.warm_up()
    with working(url, NullEmbedder("null"), minilm), connect(url) as connection:
        for name, embedder in (("null", NullEmbedder("null")), ("minilm", minilm)):
            connection.execute(EMBED, (name, "warm up"))
            extra = []
            for number in range(200):
                text, other = f"query {number} about food", f"query {number} about roads"
                by_sql = seconds(partial(connection.execute, EMBED, (name, text)))
                direct = seconds(partial(embedder.embed, [other]))
                extra.append((by_sql - direct) * 1000)
            yield Result(
                f"embed() from SQL, p50, {name}", "the same in process", extra, "ms more", "2 ms"
            )
        latencies = []
        connection.execute("create table note (id serial primary key, body text)")
        connection.execute("select sqlembed.create_embedding('note', 'null', 'body')")
        for number in range(100):
            began = time.perf_counter()
            connection.execute("insert into note (body) values (%s)", (f"note {number}",))
            while connection.execute(
                "select 1 from note where embedding is null limit 1"
            ).fetchone():
                time.sleep(0.0005)
            latencies.append((time.perf_counter() - began) * 1000)
            time.sleep(0.02)
        yield Result("INSERT to searchable, p50, null", "0", latencies, "ms", "50 ms")


def backfill_with_minilm(url: str) -> Iterator[Result]:
    registry = builtin.registry()
    minilm = registry.get("minilm")
    minilm.warm_up()
    texts = [row.doc for row in standard_library()][:2_000]
    register_embedders(url, registry)
    with connect(url) as connection:

        def ours() -> None:
            # What was embedded before would be there already.
            connection.execute("select sqlembed.clear_cache()")
            connection.execute("drop table if exists doc")
            connection.execute("create table doc (id serial primary key, body text)")
            connection.cursor().executemany(
                "insert into doc (body) values (%s)", [(text,) for text in texts]
            )
            connection.execute(
                "select sqlembed.create_embedding('doc', 'minilm', 'body', index => 'none')"
            )
            Worker(url, registry).run(burst=True)

        def theirs() -> None:
            minilm.embed(texts)

        yield Result(
            "backfill, MiniLM, 2,000 docstrings",
            "one encode of them all",
            ratios(ours, theirs, rounds=3),
            "times",
            "1.05",
        )
