"""``sqlembed cluster``: models, columns that are kept, and functions other than k-means."""

from __future__ import annotations

from pathlib import Path

import pytest

from sqlembed.embedders import HashEmbedder, Registry
from sqlembed.worker import register_embedders
from tests.acceptance.commands import Command, Connection, Done, command, folder, loaded
from tests.fix_worker import StartWorker
from tests.writing import embed_all, rows, run

__all__ = ["command", "folder", "loaded"]

KEPT = "select name, cluster_column, num_clusters, assigned from sqlembed.clustering_status"
MODELS = "select name from sqlembed.cluster_model"
CLUSTERS = "select cluster, count(*) from report group by 1 order by 1"

FUNCTIONS = """
import numpy as np

from sqlembed import Registry

registry = Registry()


@registry.clustering("halves")
def halves(vectors, *, rest=0):
    return np.where(np.arange(len(vectors)) < rest, -1, np.arange(len(vectors)) % 2)
"""


@pytest.fixture
def cluster(command: Command, loaded: Done, url: str) -> Command:
    """``sqlembed cluster report``, of three rows with a vector."""
    del loaded
    return lambda *more: command("cluster", "report", "--database-url", url, *more)


@pytest.fixture
def halves(folder: Path) -> tuple[str, ...]:
    (folder / "functions.py").write_text(FUNCTIONS)
    return ("--method", "halves", "--registry", "functions:registry")


def test_a_model(cluster: Command, connection: Connection) -> None:
    found = cluster("-k", "2", "--rows", "1", "--json")
    assert found.code == 0, found.error
    assert (found.document["model"], found.document["num_clusters"]) == ("report_kmeans", 2)
    clusters = found.document["clusters"]
    assert sum(cluster["size"] for cluster in clusters) == 3
    assert all(len(cluster["nearest"]) == 1 for cluster in clusters)
    assert all(cluster["terms"] for cluster in clusters)
    # Again, over the model of the same name; how many is found out.
    shown = cluster()
    assert shown.code == 0, shown.error
    assert "down" in shown.output
    statement = shown.output.strip().splitlines()[-1]
    assert {cluster for (cluster,) in rows(connection, statement)} == {1, 2, None}
    assert rows(connection, MODELS) == [("report_kmeans",)]


def test_a_column_is_kept(cluster: Command, connection: Connection) -> None:
    assert cluster().code == 0
    found = cluster("-k", "2", "--column", "cluster", "--json")
    assert found.code == 0, found.error
    assert found.document["column"] == "cluster"
    assert rows(connection, KEPT) == [("report_kmeans", "cluster", 2, 3)]
    connection.execute(
        "insert into report (comments, embedding)"
        " select comments, embedding from report where embedding is not null"
    )
    assert sum(size for number, size in rows(connection, CLUSTERS) if number is not None) == 6

    again = cluster("--column", "cluster")
    assert again.code == 0, again.error
    assert "Column cluster of report is kept up to date by model report_kmeans" in again.output
    assert rows(connection, KEPT) == [("report_kmeans", "cluster", 2, 6)]
    for other in ((), ("--column", "topic")):
        refused = cluster(*other)
        assert refused.code == 2
        assert "--column cluster" in refused.error and "--name" in refused.error
    assert cluster("--name", "another").code == 0

    connection.execute("alter table report drop column cluster")
    refused = cluster("--column", "cluster")
    assert refused.code == 2
    statement = again.output.strip().splitlines()[-1].strip()
    assert statement.rstrip(";") in refused.error
    connection.execute(statement.encode())
    assert rows(connection, KEPT) == []


def test_a_column_after_a_switch_of_generations(
    cluster: Command, connection: Connection, url: str
) -> None:
    assert cluster("-k", "2", "--column", "cluster").code == 0
    registry = Registry()
    registry.add(HashEmbedder("hash", 64))
    registry.add(HashEmbedder("wide", 96))
    register_embedders(url, registry)
    run(connection, "select sqlembed.create_generation('report', 'wide', index => 'none')")
    embed_all(url, registry)
    run(connection, "select sqlembed.switch_generation('report')")

    again = cluster("--column", "cluster")
    assert again.code == 0, again.error
    assert rows(connection, "select embedding from sqlembed.clustering_status") == [("embedding",)]


def test_hdbscan_in_this_process(cluster: Command, connection: Connection) -> None:
    connection.execute(
        "insert into report (comments, embedding) select comments, embedding"
        " from report cross join generate_series(1, 5) where embedding is not null"
    )
    found = cluster(
        *("--method", "hdbscan", "--json", "--rows", "9"),
        *("--parameters", '{"min_cluster_size": 3, "min_samples": 1, "components": null}'),
    )
    assert found.code == 0, found.error
    assert (found.document["method"], found.document["column"]) == ("hdbscan", "cluster")
    assert found.document["num_clusters"] == 3
    for one in found.document["clusters"]:
        assert one["size"] == 6
        ((text, distance),) = [tuple(near.values()) for near in one["nearest"]]
        assert rows(connection, "select count(*) from report where comments = %s", text) == [(6,)]
        assert distance == pytest.approx(0, abs=1e-6)
    assert rows(connection, CLUSTERS) == [(1, 6), (2, 6), (3, 6), (None, 1)]


def test_a_function_of_ones_own(
    cluster: Command, connection: Connection, halves: tuple[str, ...], start_worker: StartWorker
) -> None:
    shown = cluster(*halves, "--column", 'ha"lf %', "--parameters", '{"rest": 1}')
    assert shown.code == 0, shown.error
    assert 'by halves, in column ha"lf % of report' in shown.output
    assert [line.split()[0] for line in shown.output.splitlines() if line[:1].isdigit()] == [
        *"01", "2",
    ]  # fmt: skip
    assert "none" in shown.output
    # A worker that has it is asked, whatever the registry here is.
    served = Registry()
    served.clustering("ones")(lambda vectors: [1] * len(vectors))
    start_worker(served)
    found = cluster("--method", "ones", "--json")
    assert found.document["num_clusters"] == 1, found.error
    assert rows(connection, CLUSTERS) == [(1, 3), (None, 1)]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--parameters", '{"x": 1}'), "another --method"),
        (("--method", "hdbscan", "--parameters", "[1]"), "not an object"),
        (("--method", "hdbscan", "--parameters", "{"), "not JSON"),
        (("--method", "hdbscan", "-k", "3"), "-k goes with k-means"),
        (("--method", "hdbscan", "--name", "m"), "--name goes with k-means"),
        (("--method", "nothing"), "--registry"),
        (("--column", "state"), "type text"),
        (("--method", "hdbscan", "--column", "state"), "type text"),
    ],
)
def test_bad_input_changes_nothing(
    cluster: Command, connection: Connection, options: tuple[str, ...], said: str
) -> None:
    done = cluster(*options)
    assert done.code == 2
    assert said in done.error
    assert rows(connection, MODELS) == []
    assert rows(connection, "select from sqlembed.cluster_run") == []


def test_what_a_function_says_is_said(cluster: Command, halves: tuple[str, ...]) -> None:
    done = cluster(*halves, "--parameters", '{"other": 1}')
    assert done.code == 2
    assert "other" in done.error
