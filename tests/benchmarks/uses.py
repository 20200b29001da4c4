"""How good labels, outliers and duplicates are on real texts, with MiniLM.

The data is not part of the project: SQLEMBED_BENCH_DATA names its folder, by default
``../shared/data``.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sqlembed.embedders import builtin
from sqlembed.worker import Worker, register_embedders
from tests.benchmarks.stage import Connection, Result, connect, seconds, working

DATA = Path(os.environ.get("SQLEMBED_BENCH_DATA", Path(__file__).parents[3] / "shared" / "data"))

STORMS = 5_000
THRESHOLD = 0.95

ACCURACY = """
select avg((n.label = t.category)::int::float8)
from {test} as t
left join lateral sqlembed.nearest_label('{train}', t.embedding, 'category', k => %s) as n on true
"""
ZERO_SHOT = """
select avg((c.label = replace(t.category, '_', ' '))::int::float8)
from bank_test as t
cross join lateral (
    select label from sqlembed.classify(
        'minilm', t.embedding,
        array(select distinct replace(category, '_', ' ') from bank_train order by 1)
    )
    limit 1
) as c
where t.id %% 10 = 0
"""
OUTLIERS = """
select o.{score}, s.category = 'spam'
from sqlembed.outliers('sms', k => %s, filter => %s, baseline => %s) as o
join sms as s on s.id = (o.key ->> 0)::int
"""
FIT = "select from sqlembed.create_kmeans('usual', %s, %s)"
ANOMALIES = """
select a.normalized_distance, s.category = 'spam'
from sqlembed.detect_anomalies('usual', %s) as a
join sms as s on s.id = a.id::int
where a.is_anomaly is not null
"""
PAIRS = """
select (key_a ->> 0)::int, (key_b ->> 0)::int
from sqlembed.duplicate_pairs(%s, %s, mode => %s)
"""


def uses_of_vectors(url: str) -> Iterator[Result]:
    registry = builtin.registry()
    register_embedders(url, registry)
    with connect(url) as connection:
        make(connection, "bank_train", read("banking77/train.csv"))
        make(connection, "bank_test", read("banking77/test.csv"))
        make(connection, "sms", messages())
        make(connection, "storm", storms()[:STORMS])
        Worker(url, registry).run(burst=True)
        connection.execute("vacuum analyze")
        yield from labels(connection)
        yield from outliers(connection)
        yield from duplicates(connection)


def labels(connection: Connection) -> Iterator[Result]:
    for k in (5, 10, 20):
        found = value(connection, ACCURACY.format(train="bank_train", test="bank_test"), k)
        what = f"nearest_label, Banking77, k = {k}: accuracy on all 3,080 questions of the test"
        yield Result(what, "10,003 labelled questions", [found], "", "")
    connection.execute("set sqlembed.request_timeout = '120s'")
    with working(connection.info.dsn, builtin.registry().get("minilm")):
        found = value(connection, ZERO_SHOT)
    what = "classify, Banking77: accuracy on every tenth question of the test"
    yield Result(what, "the names of the 77 intents", [found], "", "")
    connection.execute("create table sms_train as select * from sms where id % 2 = 0")
    connection.execute("create table sms_test as select * from sms where id % 2 = 1")
    found = value(connection, ACCURACY.format(train="sms_train", test="sms_test"), 10)
    what = "nearest_label, SMS spam, k = 10: accuracy on every second message"
    yield Result(what, "the others, labelled", [found], "", "")


def outliers(connection: Connection) -> Iterator[Result]:
    usual = "category = 'ham' and id % 2 = 0"
    others = f"not ({usual})"
    for what, score, k, filter, baseline in (
        ("half of the ham as the baseline: score", "score", 10, others, usual),
        ("the same: distance to the nearest", "neighbour_distance", 1, others, usual),
        ("the same: distance to the nearest 10", "neighbour_distance", 10, others, usual),
        ("the same: distance to the centroid", "centroid_distance", 1, others, usual),
        ("no baseline: score", "score", 10, None, None),
    ):
        statement = OUTLIERS.format(score=score).encode()
        found = connection.execute(statement, (k, filter, baseline)).fetchall()
        yield Result(f"outliers, SMS spam, {what}", "", [area_of(found)], "", "")
    query = "select id, embedding from sms where {}"
    for clusters in (20, 100):
        connection.execute(FIT, (query.format(usual), clusters))
        found = connection.execute(ANOMALIES, (query.format(others),)).fetchall()
        what = f"detect_anomalies, SMS spam, {clusters} clusters of half of the ham"
        yield Result(what, "", [area_of(found)], "", "")
        connection.execute("select sqlembed.drop_model('usual')")


def duplicates(connection: Connection) -> Iterator[Result]:
    vectors = np.array(
        [row[0] for row in connection.execute("select embedding::real[] from storm order by id")]
    )
    vectors = vectors.astype(np.float64)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    wanted = {tuple(pair) for pair in np.argwhere(np.triu(vectors @ vectors.T >= THRESHOLD, 1))}
    found: set[Any] = set()

    def ours() -> None:
        found.update(connection.execute(PAIRS, ("storm", THRESHOLD, "exact")).fetchall())

    took = seconds(ours)
    what = f"duplicates, {STORMS:,} storm narratives, cosine {THRESHOLD}: of {len(wanted):,} pairs"
    share = len(found & wanted) / len(wanted)
    yield Result(what, "every pair by NumPy", [share], "", "1")
    yield Result("the same: pairs found that are none", "", [len(found - wanted)], "", "0")
    yield Result("the same: time", "", [took], "s", "")
    exact = set(connection.execute(PAIRS, ("sms", 0.9, "exact")).fetchall())
    by_index = set(connection.execute(PAIRS, ("sms", 0.9, "vector")).fetchall())
    what = f"duplicates by the index, 5,574 messages, cosine 0.9: of {len(exact):,} pairs"
    yield Result(what, "mode => 'exact'", [len(by_index & exact) / len(exact)], "", "")


def make(connection: Connection, table: str, rows: Sequence[tuple[str, str]]) -> None:
    """Make the table (id from 0, category, body) and declare its embedding."""
    connection.execute(f"create table {table} (id int primary key, category text, body text)")
    with connection.cursor() as cursor, cursor.copy(f"copy {table} from stdin") as copy:
        for number, row in enumerate(rows):
            copy.write_row((number, *row))
    connection.execute("select sqlembed.create_embedding(%s, 'minilm', 'body')", (table,))


def read(name: str, category: str = "category", text: str = "text") -> list[tuple[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return [(row[category], row[text]) for row in csv.DictReader(file) if row[text].strip()]


def storms() -> list[tuple[str, str]]:
    return read("storm_events.csv", "event_type", "event_narrative")


def messages() -> list[tuple[str, str]]:
    lines = (DATA / "sms_spam" / "SMSSpamCollection").read_text(encoding="utf-8").splitlines()[1:]
    return [(label, text) for label, text in (line.split("\t", 1) for line in lines)]


def value(connection: Connection, statement: str, *parameters: object) -> float:
    row = connection.execute(statement.encode(), parameters).fetchone()
    assert row is not None and isinstance(row[0], float)
    return row[0]


def area_of(scored: Sequence[tuple[object, ...]]) -> float:
    """Return the area under the curve of rows of a score and whether it is a positive one."""
    scores, is_positive = np.array(scored, dtype=float).T
    return area_under_curve(scores, is_positive > 0)


def area_under_curve(scores: np.ndarray[Any, Any], is_positive: np.ndarray[Any, Any]) -> float:
    """Return how often a positive one scores higher than a negative one."""
    positive, negative = scores[is_positive], np.sort(scores[~is_positive])
    below = np.searchsorted(negative, positive, "left")
    up_to = np.searchsorted(negative, positive, "right")
    return float((below + up_to).mean() / 2 / len(negative))
