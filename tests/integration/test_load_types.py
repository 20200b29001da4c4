"""Every type that is inferred takes the value it was inferred from, and keeps it."""

from __future__ import annotations

import json
import re
from decimal import Decimal

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sqlembed.loading.inference import kind_of_text, sql_type

Connection = psycopg.Connection[tuple[object, ...]]

NUMBER = re.compile(r"[-+ ]?\d{0,20}\.?\d{0,20}(e[+-]?\d{1,4})? ?", re.ASCII)
DAY = r"[0-2]\d\d\d-[01]\d-[0-3]\d"
TIME = r"[0-2]\d:[0-6]\d(:[0-6]\d(\.\d{1,7})?)?"
MOMENT = re.compile(rf"{DAY}([ T]{TIME}( ?Z|[+-][01]\d(:?\d\d)?)?)?", re.ASCII)
JSON = re.compile(r'[{\["][a-z0-9:,"\\u\]} ]{1,12}[}\]"]', re.ASCII)

#: What numbers, times, booleans and JSON are made of, so that many texts nearly are one.
NEARLY = st.one_of(
    *(st.from_regex(pattern, fullmatch=True) for pattern in (NUMBER, MOMENT, JSON)),
    st.integers(-(10**25), 10**25).map(str),
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
    st.floats(allow_nan=False).map(repr),
    st.datetimes().map(str),
    st.sampled_from(["true", "FALSE", "t", "NaN", "-Infinity", "inf", "1e308", "1e-320", "-0"]),
    st.recursive(st.none() | st.booleans() | st.text(max_size=3), st.lists, max_leaves=4).map(
        json.dumps
    ),
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(NEARLY.filter(bool), min_size=1, max_size=40))
def test_values_survive_their_types(connection: Connection, texts: list[str]) -> None:
    for text in texts:
        kind = sql_type(kind_of_text(text))
        if kind == "text":
            continue
        row = connection.execute(f"select (%s::text)::{kind}::text".encode(), (text,)).fetchone()
        assert row is not None
        if kind in ("integer", "bigint", "numeric"):
            assert Decimal(str(row[0])) == Decimal(text.strip())
        if kind == "double precision":
            # PostgreSQL and Python write the same double with other digits now and then.
            assert Decimal(repr(float(str(row[0])))) == Decimal(text.strip())


@pytest.mark.parametrize(
    ("text", "kind", "stored"),
    [
        ("2024-04-26T12:45:00+05:30", "timestamptz", "2024-04-26 07:15:00+00"),
        ("2024-04-26T12:45", "timestamp", "2024-04-26 12:45:00"),
        ("NaN", "double precision", "NaN"),
        ("-inf", "numeric", "-Infinity"),
    ],
)
def test_what_is_stored(connection: Connection, text: str, kind: str, stored: str) -> None:
    connection.execute("set timezone = 'UTC'")
    row = connection.execute(f"select (%s::text)::{kind}::text".encode(), (text,)).fetchone()
    assert row == (stored,)
