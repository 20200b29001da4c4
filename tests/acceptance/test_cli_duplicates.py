"""``sqlembed duplicates``, and what ``sqlembed cluster`` says in words."""

from __future__ import annotations

import pytest

from tests.acceptance.commands import Command, Done, command, folder, loaded
from tests.writing import Connection, rows, run

__all__ = ["command", "folder", "loaded"]


@pytest.fixture
def repeated(loaded: Done, connection: Connection) -> list[str]:
    """The loaded table, one of whose reports was sent three times; returns the texts."""
    del loaded
    texts = [
        row[0]
        for row in rows(connection, "select comments from report where embedding is not null")
    ]
    for _ in range(2):
        run(
            connection,
            "insert into report (state, comments, embedding)"
            " select 'WY', comments, embedding from report where comments = %s limit 1",
            texts[0],
        )
    return texts


def test_groups_are_shown(command: Command, url: str, repeated: list[str]) -> None:
    asked = ("duplicates", "report", "--threshold", "1", "--database-url", url)

    found = command(*asked, "--json")
    assert found.code == 0, found.error
    (group,) = found.document["groups"]
    assert group["size"] == 3
    assert [row["text"] for row in group["rows"]] == [repeated[0]] * 3
    assert [row["similarity"] for row in group["rows"]] == pytest.approx([1, 1, 1])
    shown = command(*asked, "--rows", "2")
    assert shown.code == 0, shown.error
    assert shown.output.count(repeated[0][:20]) == 2
    assert "1 group; 2 rows could go" in shown.output


def test_only_rows_that_agree(command: Command, url: str, repeated: list[str]) -> None:
    del repeated
    asked = ("duplicates", "report", "--within", "state", "--json", "--database-url", url)
    assert [group["size"] for group in command(*asked).document["groups"]] == [2]
    matched = command(*asked[:2], "--filter", "comments like '%'", *asked[4:])
    assert [group["size"] for group in matched.document["groups"]] == [3]
    none = command(*asked[:4], "--filter", "state <> 'WY'", "--mode", "exact", *asked[5:])
    assert none.code == 0, none.error
    assert "No two rows are that much alike." in none.output


def test_what_cannot_be(command: Command, url: str, repeated: list[str]) -> None:
    del repeated
    refused = command("duplicates", "report", "--within", "nobody", "--database-url", url)
    assert refused.code == 2
    assert "nobody" in refused.error
    assert command("duplicates", "report", "--threshold", "2", "--database-url", url).code == 2


def test_words_of_clusters(command: Command, url: str, repeated: list[str]) -> None:
    del repeated
    asked = ("cluster", "report", "-k", "1", "--database-url", url)
    found = command(*asked, "--terms", "3", "--language", "english", "--json")
    assert found.code == 0, found.error
    ((terms),) = [cluster["terms"] for cluster in found.document["clusters"]]
    assert len(terms) == 3
    without = command(*asked, "--terms", "0", "--rows", "0")
    assert without.code == 0, without.error
    assert "about" not in without.output.splitlines()[0]
    refused = command(*asked, "--language", "klingon")
    assert refused.code == 2
    assert "klingon" in refused.error
