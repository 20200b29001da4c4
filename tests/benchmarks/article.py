"""Storm reports searched and clustered in SQL, as the README shows them beside BigQuery's SQL.

``python -m tests.benchmarks.article [FOLDER]`` prints each statement with its output, and then what
the weight of the texts does to the clusters. The folder has ``spc_240426.csv`` (one day's reports
of the Storm Prediction Center) and ``storm_events.csv`` (NOAA's storm events with a narrative);
without one it is that of the other benchmarks.
"""

from __future__ import annotations

import csv
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sqlembed.embedders import builtin
from sqlembed.server import psql_path
from sqlembed.worker import register_embedders
from tests.benchmarks.stage import Connection, connect, database, working
from tests.benchmarks.uses import DATA

TABLES = """
create table wind_report (id int primary key, county text, state text, comments text);
create table storm_event (
    event_id bigint primary key, event_type text, begin_date date, state text,
    lon float8, lat float8, narrative text
);
"""

#: What the README shows.
STATEMENTS = Path(__file__).with_suffix(".sql")

#: What squared distances of texts count beside those of the day, the longitude and the latitude.
WEIGHTS = (0, 1, 3, 10, 20, 100)
SEEDS = range(3)

FEATURES = "select event_id, embedding, extract(doy from begin_date), lon, lat from storm_event"
FIT = "select from sqlembed.create_kmeans('w', %s, 10, 'euclidean', weights => %s, seed => %s)"
MEMBERS = """
select
    a.centroid_id, s.event_type, s.embedding::real[], extract(doy from s.begin_date)::float8,
    s.lon, s.lat
from sqlembed.assign('w', %s) as a
join storm_event as s on s.event_id = a.id::bigint
"""

Numbers = NDArray[np.float64]


def main(folder: Path) -> None:
    registry = builtin.registry()
    with database() as url, connect(url) as connection:
        load(connection, folder)
        register_embedders(url, registry)
        with working(url, *registry):
            command = (psql_path(), url, "-X", "-q", "-e", "-v", "ON_ERROR_STOP=1")
            subprocess.run([*command, "-f", STATEMENTS], check=True)
        print("| weight of the text | text | day | place | of the commonest event type |")
        print("|---|---|---|---|---|")
        for weight in WEIGHTS:
            found = [explained(connection, weight, seed) for seed in SEEDS]
            shown = [f"{value:.2f}" for value in np.mean(found, axis=0)]
            print(f"| {weight} | {' | '.join(shown)} |")


def load(connection: Connection, folder: Path) -> None:
    """Make the two tables; of the events, those whose place is known."""
    connection.execute(TABLES)
    with connection.cursor().copy("copy wind_report from stdin") as copy:
        for number, row in enumerate(rows(folder / "spc_240426.csv")):
            copy.write_row((number, row["county"], row["state"], row["comments"]))
    with connection.cursor().copy("copy storm_event from stdin") as copy:
        for row in rows(folder / "storm_events.csv"):
            place = coordinates(row)
            if place is not None:
                known = (row["event_id"], row["event_type"], row["begin_date"], row["state_abbr"])
                copy.write_row((*known, *place, row["event_narrative"]))


def rows(file: Path) -> Iterator[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines)


def coordinates(row: dict[str, str]) -> tuple[float, float] | None:
    """Return longitude and latitude; ``None`` where there are none, or only zeros."""
    try:
        found = float(row["begin_lon"]), float(row["begin_lat"])
    except ValueError:
        # One row of the file has its columns shifted, too.
        return None
    return found if any(found) else None


def explained(
    connection: Connection, weight: float, seed: int
) -> tuple[float, float, float, float]:
    """Return how much of the variance of texts, days and places clusters explain, and their purity.

    Purity is the share of rows that are of the event type which is the commonest in their cluster.
    """
    with connection.transaction(force_rollback=True):
        connection.execute(FIT, (FEATURES, [float(weight), 1.0, 1.0, 1.0], seed))
        found = connection.execute(MEMBERS, (FEATURES,)).fetchall()
    labels = np.array([row[0] for row in found])
    texts, days, places = (
        np.array(values, dtype=np.float64)
        for values in (
            [row[2] for row in found],
            [row[3:4] for row in found],
            [row[4:6] for row in found],
        )
    )
    pairs = Counter((row[0], row[1]) for row in found)
    most: dict[Any, int] = {}
    for (label, _), count in pairs.items():
        most[label] = max(count, most.get(label, 0))
    return (
        share(texts, labels),
        share(days, labels),
        share(places, labels),
        sum(most.values()) / len(found),
    )


def share(points: Numbers, labels: NDArray[Any]) -> float:
    """Return which part of the variance of points lies between clusters, not within them."""
    within = sum(
        float(((points[labels == label] - points[labels == label].mean(axis=0)) ** 2).sum())
        for label in set(labels)
    )
    return 1 - within / float(((points - points.mean(axis=0)) ** 2).sum())


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DATA)
