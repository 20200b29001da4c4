"""Queries and judgements in BEIR's layout, whole and broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from sqlembed.errors import InputError
from sqlembed.evaluation import read_judgements, read_queries

HEADER = "query-id\tcorpus-id\tscore\n"


def file(folder: Path, text: str | bytes, name: str = "queries.jsonl") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_queries(tmp_path: Path) -> None:
    text = '{"_id": "a", "text": "Größe?", "metadata": {}}\r\n\n{"_id": 7, "text": "x"}'
    assert read_queries(file(tmp_path, text)) == {"a": "Größe?", "7": "x"}
    assert read_queries(file(tmp_path, b'\xef\xbb\xbf{"_id": "a", "text": "x"}')) == {"a": "x"}


def test_judgements(tmp_path: Path) -> None:
    text = HEADER + "a\tdoc 1\t2\na\tdoc 2\t0\r\n\nb\tdoc 1\t-1\nb\tdoc 1\t-1\n"
    assert read_judgements(file(tmp_path, text)) == {
        "a": {"doc 1": 2, "doc 2": 0},
        "b": {"doc 1": -1},
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no queries"),
        ('{"_id": "a", "text": "x"}\n{"_id"', "line 2: this is no JSON"),
        ("[" * 100_000, "line 1: this is no JSON"),
        ('["a"]', "line 1: a query has an _id and a text"),
        ('{"_id": "a"}', "line 1: a query has an _id and a text"),
        ('{"_id": true, "text": "x"}', "a query has an _id and a text"),
        ('{"_id": "a", "text": " "}', "a query has an _id and a text"),
        ('{"_id": "1", "text": "x"}\n{"_id": 1, "text": "y"}', "line 2: query 1 is there twice"),
        (b"\xff\xfe", "not text in UTF-8"),
    ],
)
def test_broken_queries(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(InputError, match=message) as raised:
        read_queries(file(tmp_path, text))
    assert "queries.jsonl" in raised.value.message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no judgements"),
        (HEADER, "holds no judgements"),
        ("a\tdoc\t1\n", "line 1: the header is missing"),
        ("query-id corpus-id score\n", "line 1: the header is missing"),
        (HEADER + "a\tdoc\n", "line 2: this is no judgement"),
        (HEADER + "a\tdoc\t1\t2\n", "line 2: this is no judgement"),
        (HEADER + "a\tdoc\t1\na\tdoc\tgood\n", "line 3: this is no judgement"),
        (HEADER + "a\tdoc\t1.5\n", "line 2: this is no judgement"),
        (HEADER + "a\tdoc\t1\na\tdoc\t2\n", "line 3: document doc has another score already"),
        (b"\xff\xfe", "not text in UTF-8"),
    ],
)
def test_broken_judgements(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(InputError, match=message) as raised:
        read_judgements(file(tmp_path, text, "test.tsv"))
    assert "test.tsv" in raised.value.message
