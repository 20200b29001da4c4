"""Files are read whole, or refused with the line that is broken."""

from __future__ import annotations

import csv
import gzip
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlembed.errors import ConfigError, InputError
from sqlembed.loading import RowFile, open_file
from sqlembed.loading.csv_file import CsvFile

fields = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def scanned(file: RowFile) -> dict[str, str]:
    return {column.name: column.type for column in file.scan(ignore).columns}


def rows(file: RowFile) -> list[list[Any]]:
    columns = file.scan(ignore).columns
    found = file.rows([c.name for c in columns], [c.type for c in columns], ignore)
    return [list(values) for _, values in found]


def ignore(_bytes: int) -> None:
    return None


@given(
    st.lists(st.tuples(fields, fields, fields), max_size=5),
    st.sampled_from(",;\t|"),
    st.sampled_from(["\n", "\r\n"]),
)
def test_csv_round_trip(records: list[tuple[str, str, str]], delimiter: str, line_end: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        with path.open("w", encoding="utf-8", newline="") as output:
            # Every line end that Python knows must be quoted, whichever ends the lines.
            writer = csv.writer(
                output, delimiter=delimiter, lineterminator=line_end, quoting=csv.QUOTE_ALL
            )
            writer.writerow(["a", "b", "c"])
            writer.writerows(records)
        file = CsvFile(path, delimiter=delimiter)
        found = [tuple(value or "" for value in row) for row in rows(file)]
    assert found == records


@given(st.lists(st.dictionaries(st.sampled_from("abc"), fields, min_size=1), min_size=1))
def test_json_round_trip(objects: list[dict[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        path.write_text("".join(f"{json.dumps(found)}\n" for found in objects), encoding="utf-8")
        file = open_file(path)
        names = [column.name for column in file.scan(ignore).columns]
        found = rows(file)
    assert found == [[row.get(name) for name in names] for row in objects]


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a,b\n1,2\n", ","),
        ("a;b;c\n1,5;2,5;x\n", ";"),
        ("a\tb\n1\t2,3,4\n", "\t"),
        ("a|b|c\n1|2|3\n", "|"),
        ('a;b\n"x,y,z";1\n"q,r,s";2\n', ";"),
        ("title,genres\nToy,a|b|c\nTwo,a|b\n", ","),
        ("only\nx;y\nz\n", ","),
    ],
)
def test_finds_the_delimiter(tmp_path: Path, text: str, delimiter: str) -> None:
    assert CsvFile(written(tmp_path, "x.csv", text)).delimiter == delimiter


def test_csv_types_and_nulls(tmp_path: Path) -> None:
    text = '\ufeffzip,n,x,when,text\n01234,1,,2024-01-01,"two\nlines"\n\n99,,2.5,,""\n'
    file = open_file(written(tmp_path, "x.csv", text))
    assert scanned(file) == {
        "zip": "text",
        "n": "integer",
        "x": "double precision",
        "when": "date",
        "text": "text",
    }
    assert rows(file) == [
        ["01234", "1", None, "2024-01-01", "two\nlines"],
        ["99", None, "2.5", None, None],
    ]


def test_a_late_value_decides_the_type(tmp_path: Path) -> None:
    numbers = "".join(f"{number}\n" for number in range(5000))
    file = open_file(written(tmp_path, "x.csv", f"n\n{numbers}CENTRAL PARK\n"))
    assert scanned(file) == {"n": "text"}
    (column,) = file.scan(ignore).columns
    assert column.oddity == (5002, "CENTRAL PARK")


def test_json_types(tmp_path: Path) -> None:
    lines = [
        {"n": 1, "text": "1", "part": {"a": 1}, "mixed": 1},
        {"n": 2.5, "part": ["x"], "mixed": True, "late": "2024-01-01T00:00:00Z"},
    ]
    text = "\n\n".join(map(json.dumps, lines))
    file = open_file(written(tmp_path, "x.jsonl", text))
    assert scanned(file) == {
        "n": "double precision",
        "text": "text",
        "part": "jsonb",
        "mixed": "text",
        "late": "timestamptz",
    }
    assert rows(file) == [
        [1, "1", '{"a": 1}', 1, None],
        [2.5, None, '["x"]', "true", "2024-01-01T00:00:00Z"],
    ]


def test_gzip_is_unpacked_whatever_the_name(tmp_path: Path) -> None:
    packed = gzip.compress(b"a,b\n1,2\n")
    for name in ("x.csv.gz", "x.csv", "x"):
        assert rows(open_file(written(tmp_path, name, packed))) == [["1", "2"]]


def test_a_file_without_a_known_name_is_looked_into(tmp_path: Path) -> None:
    assert scanned(open_file(written(tmp_path, "x", '\n {"a": 1}'))) == {"a": "integer"}
    assert scanned(open_file(written(tmp_path, "y.txt", "a\nx"))) == {"a": "text"}


def test_other_encodings(tmp_path: Path) -> None:
    for encoding in ("cp1252", "utf-16", "utf-8"):
        path = written(tmp_path, "x.csv", "a\ncafé\n".encode(encoding))
        assert rows(open_file(path, encoding=encoding)) == [["café"]]


def test_quotes_can_be_text(tmp_path: Path) -> None:
    path = written(tmp_path, "x.tsv", 'a\tb\n"Happy" days\t1\n')
    assert rows(open_file(path, quotes=False)) == [['"Happy" days', "1"]]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.csv", "", "empty"),
        ("x.csv", "\n\n", "empty"),
        ("x.csv", "a,b\n1,2\n3\n", "line 3: 1 field, and the header has 2"),
        ("x.csv", 'a,b\n"1\n2",2\n3,4,5\n', "line 4: 3 fields"),
        ("x.csv", 'a,b\n"1\n2",2\n3,"4\n5,6\n', "line 4: a quotation mark is opened"),
        ("x.csv", 'a,b\n1,2\n"x" y,2\n', "line 3: a quotation mark in the wrong place"),
        ("x.csv", "a,,c\n1,2,3\n", "line 1: column 2 has no name"),
        ("x.csv", "a,b,a\n1,2,3\n", "columns 1 and 3 have the same name 'a'"),
        ("x.csv", f"{'ä' * 32},b\n1,2\n", "the name of column 1 has 64 bytes"),
        ("x.csv", b"a,b\n1,2\n1,caf\xe9\n", "line 3: not UTF-8"),
        ("x.csv", "a,b\n1,x\0y\n", "line 2: it holds NUL"),
        ("x.csv", "a,b\n1,2\n".encode("utf-16"), "UTF-16"),
        ("x.csv", b"PK\x03\x04rest", "Excel"),
        ("x.csv", gzip.compress(b"a,b\n1,2\n" * 1000, mtime=0)[:-9], "not whole"),
        ("x.csv", b"PAR1", "Parquet"),
        ("x.parquet", b"PAR1 and no more", "as Parquet"),
        ("x.jsonl", '{"a": 1}\n{"a": \n', "line 2: not JSON"),
        ("x.jsonl", '{"a": 1}\n\n[2]\n', "line 3: not a JSON object"),
        ("x.json", '[\n{"a": 1}\n]', "one object a line"),
        ("x.json", '{\n"a": 1\n}', "one object a line"),
        ("x.jsonl", '{"a": 1}\n{"b": "\\u0000"}', "line 2: it holds"),
        ("x.jsonl", '{"a": 1e999}', "line 1: not JSON: 1e999 is too large"),
        ("x.jsonl", "{}\n{}\n", "no rows"),
        ("x.jsonl", '{"": 1}', "column 1 has no name"),
    ],
)
def test_says_what_is_broken_and_where(
    tmp_path: Path, name: str, content: str | bytes, message: str
) -> None:
    path = written(tmp_path, name, content)
    with pytest.raises(InputError) as raised:
        rows(open_file(path))
    assert message in str(raised.value)


def test_refuses_what_is_no_file(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.csv", Path("/dev/null")):
        with pytest.raises(InputError):
            open_file(path)


def test_refuses_an_unknown_encoding(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no encoding"):
        open_file(written(tmp_path, "x.csv", "a\n"), encoding="utf-99")


def test_parquet_needs_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigError, match="pyarrow") as raised:
        open_file(written(tmp_path, "x.parquet", b"PAR1"))
    assert "sqlembed[parquet]" in (raised.value.hint or "")


def test_tells_how_far_it_is(tmp_path: Path) -> None:
    path = written(tmp_path, "x.csv", "a,b\n" + "1,2\n" * 5000)
    told: list[int] = []
    file = open_file(path)
    file.scan(told.append)
    assert told == sorted(told)
    assert len(told) > 2
    assert told[-1] == file.size
