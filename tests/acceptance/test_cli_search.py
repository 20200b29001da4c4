"""``sqlembed search`` as a user meets it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.commands import (
    Command,
    Connection,
    command,
    folder,
    loaded,
)
from tests.fix_worker import StartWorker

__all__ = ["command", "folder", "loaded"]


@pytest.mark.usefixtures("loaded")
def test_search_without_a_worker(command: Command, url: str) -> None:
    asked = ("search", "report", "hail on the ground", "-k", "2", "--database-url", url)
    found = command(*asked, "--json")
    assert found.code == 0, found.error
    hits = found.document["hits"]
    assert [hit["state"] for hit in hits] == ["OK", "TX"]
    assert hits[0]["distance"] < hits[1]["distance"]
    assert set(hits[0]) == {"distance", "id", "state", "comments"}
    shown = command(*asked, "--filter", "state = 'TX'")
    assert "Quarter" not in shown.output
    assert len(shown.output.splitlines()) == 3
    assert "embedding" not in shown.output


@pytest.mark.usefixtures("loaded")
def test_search_says_how_it_went(command: Command, url: str) -> None:
    asked = ("search", "report", "hail on the ground", "--database-url", url)

    found = command(*asked, "--explain", "--json", "--filter", "state = 'TX'")
    assert found.code == 0, found.error
    assert (found.document["path"], found.document["rows_found"]) == ("exact", 2)
    (remark,) = found.document["remarks"]
    assert remark.startswith("1 of 4 rows have no vector")
    shown = command(*asked, "--explain")
    assert [line.split()[0] for line in shown.output.splitlines()[:3]] == ["what", "path", "reason"]


@pytest.mark.usefixtures("loaded")
def test_search_for_rows_unlike_each_other(command: Command, url: str) -> None:
    asked = ("search", "report", "power lines down", "-k", "2", "--database-url", url)
    assert command(*asked, "--diversity", "0").output == command(*asked).output
    assert command(*asked, "--diversity", "1").output != command(*asked).output
    for refused in ("--diversity=2", "--diversity=0.5 --mode=text", "--explain --mode=hybrid"):
        assert command(*asked, *refused.split()).code == 2


def test_search_by_words(command: Command, url: str) -> None:
    load = (
        "load",
        "reports.csv",
        "--table",
        "report",
        "--source",
        "comments",
        "--embedder",
        "hash",
    )
    done = command(*load, "--full-text", "english", "--database-url", url)
    assert done.code == 0, done.error
    asked = ("search", "report", "trees and hailing -lines", "--database-url", url)

    words = command(*asked, "--mode", "text", "--json")
    assert words.code == 0, words.error
    assert {hit["state"] for hit in words.document["hits"]} == {"OK", "TX"}
    assert set(words.document["hits"][0]) == {"score", "id", "state", "comments"}

    # Without a worker; the row of power lines is left out, the one without a text has no vector.
    both = command(*asked, "--mode", "hybrid", "--json")
    assert both.code == 0, both.error
    assert [hit["id"] for hit in both.document["hits"]] in ([2, 3], [3, 2])
    assert set(both.document["hits"][0]) == {"distance", "score", "id", "state", "comments"}
    shown = command(*asked, "--mode", "hybrid")
    assert shown.output.splitlines()[0].split() == ["distance", "score", "id", "state", "comments"]

    refused = command(*load, "--replace", "--full-text", "klingon", "--database-url", url)
    assert refused.code == 2
    assert "klingon" in refused.error


def test_long_texts_in_chunks(command: Command, url: str, connection: Connection) -> None:
    file = ("load", "reports.csv", "--table", "report", "--source", "comments")
    load = (*file, "--embedder", "hash", "--database-url", url, "--chunking")
    for wrong, said in (("256", "chunking"), ("{", "not JSON"), ('{"words": 3}', "words")):
        refused = command(*load, wrong)
        assert (refused.code, said in refused.error) == (2, True), refused.error
    assert connection.execute("select to_regclass('report')").fetchone() == (None,)

    done = command(*load, '{"characters": 20}', "--json")
    assert done.code == 0, done.error
    counted = "select count(distinct id), count(*) > 3 from report_embedding"
    assert connection.execute(counted).fetchone() == (3, True)
    found = command("search", "report", "hail", "--json", "--database-url", url)
    assert found.code == 0, found.error
    assert len(found.document["hits"]) == 3


@pytest.mark.usefixtures("loaded")
def test_search_with_a_worker(
    command: Command, url: str, folder: Path, start_worker: StartWorker
) -> None:
    from sqlembed.embedders import HashEmbedder, Registry

    registry = Registry()
    registry.add(HashEmbedder("hash", 64))
    start_worker(registry)
    # Only the worker has the embedder now.
    (folder / "my_embedders.py").write_text("import sqlembed\nregistry = sqlembed.Registry()\n")
    found = command("search", "report", "trees", "-k", "1", "--json", "--database-url", url)
    assert found.code == 0, found.error
    assert found.document["hits"][0]["comments"] == "Large trees down"
    explained = command("search", "report", "trees", "--explain", "--json", "--database-url", url)
    assert explained.document["rows_found"] == 3


@pytest.mark.usefixtures("loaded")
def test_search_refuses_an_embedder_of_another_fingerprint(command: Command, url: str) -> None:
    found = command(
        *("search", "report", "trees", "--database-url", url),
        *("--registry", "my_embedders:other"),
    )
    assert found.code == 2
    assert "not the one that made the stored vectors" in found.error
