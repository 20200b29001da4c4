"""What an embedding costs the writers of a table, and how quickly a worker fills it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from pgvector import Vector

from sqlembed.embedders import Registry
from sqlembed.worker import Worker, register_embedders
from tests.benchmarks.stage import NullEmbedder, Result, connect, copy_rows, seconds

ROWS = 100_000
TEXTS = [f"text number {number} of the table" for number in range(ROWS)]

# The alternative to a log that workers fold: one shared queue that every writer upserts into.
UPSERT_QUEUE = """
create table queue (
    embedding integer, key jsonb, version bigint not null default 1, primary key (embedding, key)
);
create function upsert_job() returns trigger language plpgsql as $$
begin
    insert into queue (embedding, key) select 1, jsonb_build_array(n.id) from new_rows as n
    on conflict (embedding, key) do update set version = queue.version + 1;
    return null;
end $$;
create trigger upsert_job after insert on queued referencing new table as new_rows
for each statement execute function upsert_job()
"""


def copy_into_an_embedded_table(url: str) -> Iterator[Result]:
    registry = Registry()
    registry.add(NullEmbedder("null"))
    register_embedders(url, registry)
    with connect(url) as connection:
        for table in ("plain", "queued", "embedded"):
            connection.execute(f"create table {table} (id bigserial primary key, body text)")
        connection.execute(UPSERT_QUEUE)
        connection.execute(
            "select sqlembed.create_embedding('embedded', 'null', 'body', index => 'none')"
        )
        rounds = [
            {
                table: seconds(partial(copy_rows, connection, table, TEXTS))
                for table in ("plain", "queued", "embedded")
            }
            for _ in range(6)
        ][1:]
        extra = [
            (times["embedded"] - times["plain"]) / (times["queued"] - times["plain"])
            for times in rounds
        ]
        yield Result(
            "COPY of 100,000 rows, extra time", "an upsert into a queue", extra, "times", "0.5"
        )
        connection.execute("drop table plain, queued, embedded, queue; drop function upsert_job")


def backfill_with_a_null_embedder(url: str) -> Iterator[Result]:
    registry = Registry()
    registry.add(NullEmbedder("null"))
    register_embedders(url, registry)
    vectors = [Vector(row) for row in np.ones((ROWS, 384), dtype=np.float32)]
    with connect(url) as connection:

        def fill(table: str) -> None:
            connection.execute(f"drop table if exists {table}")
            connection.execute(
                f"create table {table} (id bigserial primary key, body text, embedding vector(384))"
            )
            copy_rows(connection, table, TEXTS)

        def ours() -> None:
            Worker(url, registry).run(burst=True)

        def script() -> None:
            rows = connection.execute("select id, body from by_script").fetchall()
            with connection.transaction():
                connection.execute(
                    "create temporary table fresh (id bigint, embedding vector(384)) on commit drop"
                )
                with (
                    connection.cursor() as cursor,
                    cursor.copy("copy fresh from stdin (format binary)") as copy,
                ):
                    copy.set_types(["bigint", "vector"])
                    for (key, _), vector in zip(rows, vectors, strict=True):
                        copy.write_row((key, vector))
                connection.execute(
                    "update by_script as t set embedding = f.embedding"
                    " from fresh as f where f.id = t.id"
                )

        rates: dict[str, list[float]] = {"row": [], "side": []}
        for _ in range(4):
            fill("by_script")
            script_time = seconds(script)
            for place, found in rates.items():
                connection.execute("drop table if exists by_worker, by_worker_embedding cascade")
                fill("by_worker")
                connection.execute(
                    "select sqlembed.create_embedding("
                    "'by_worker', 'null', 'body', index => 'none', place => %s)",
                    (place,),
                )
                found.append(script_time / seconds(ours))
        for place, found in rates.items():
            yield Result(
                f"backfill, null embedder, 100,000 rows, place => '{place}': rate",
                "COPY binary, UPDATE … FROM",
                found[1:],
                "times",
                "0.5 or more",
            )
