"""Names of tables are read as PostgreSQL reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlembed.errors import InputError
from sqlembed.loading import TableName, parse_table_name

names = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=15
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("report", TableName(None, "report")),
        ("Report", TableName(None, "report")),
        ("Übersicht", TableName(None, "Übersicht")),
        ("weather.report", TableName("weather", "report")),
        ('"Wind report"', TableName(None, "Wind report")),
        ('weather."a.b"', TableName("weather", "a.b")),
        ('"we""ird".t', TableName('we"ird', "t")),
        ("wind report", TableName(None, "wind report")),
    ],
)
def test_reads_names(text: str, expected: TableName) -> None:
    assert parse_table_name(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", " ", ".", "a.", ".a", "a.b.c", '"a', 'a"', '""', '"a"b', 'a."b" ', "a" * 64, "a\0b"],
)
def test_refuses_what_is_no_name(text: str) -> None:
    with pytest.raises(InputError):
        parse_table_name(text)


@given(st.one_of(st.none(), names), names)
def test_reads_what_it_writes(schema: str | None, name: str) -> None:
    written = TableName(schema, name)
    assert parse_table_name(str(written)) == written
