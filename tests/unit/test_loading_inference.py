"""A column's type holds all of its values, and changes none of them."""

from __future__ import annotations

import itertools
from typing import Any, get_args

import pytest

from sqlembed.loading.inference import (
    Kind,
    SqlType,
    is_storable_json,
    kind_of_json,
    kind_of_text,
    merged,
    sql_type,
)

KINDS: list[Kind] = [*get_args(SqlType), "special"]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("0", "integer"),
        ("-7", "integer"),
        (" 12 ", "integer"),
        ("2147483647", "integer"),
        ("2147483648", "bigint"),
        ("-9223372036854775808", "bigint"),
        ("9223372036854775808", "numeric"),
        ("0123", "text"),
        ("00", "text"),
        ("+49301234", "text"),
        ("1,234", "text"),
        ("-", "text"),
        ("1e5", "double precision"),
        ("12.50", "double precision"),
        (".5", "double precision"),
        ("-0.0", "double precision"),
        ("0.1234567890123456789", "numeric"),
        ("0.30000000000000004", "double precision"),
        ("1e400", "numeric"),
        ("1e99999", "text"),
        ("9" * 1001, "text"),
        ("NaN", "special"),
        ("-inf", "special"),
        ("Nancy", "text"),
        ("true", "boolean"),
        ("FALSE", "boolean"),
        ("t", "text"),
        ("yes", "text"),
        ("2024-02-29", "date"),
        ("2023-02-29", "text"),
        ("0000-01-01", "text"),
        ("20240229", "integer"),
        ("2024-W09-4", "text"),
        ("04/26/2024", "text"),
        ("2024-04-26 12:45", "timestamp"),
        ("2024-04-26T12:45:30.123456", "timestamp"),
        ("2024-04-26T12:45:30.1234567", "text"),
        ("2024-04-26T24:00", "text"),
        ("2024-04-26 12:45:61", "text"),
        ("2024-04-26T12:45:00Z", "timestamptz"),
        ("2024-04-26 12:45:00+05:30", "timestamptz"),
        ("2024-04-26 12:45:00-05", "timestamptz"),
        ("2024-04-26 12:45:00+16", "text"),
        ('{"a": [1, 2]}', "jsonb"),
        ("[1, 2]", "jsonb"),
        ("['a']", "text"),
        ("[NaN]", "text"),
        ('["\\u0000"]', "text"),
        ('["\\ud83d"]', "text"),
        ('["\\ud83d\\ude00"]', "jsonb"),
        ('["\\\\u0000"]', "jsonb"),
        ("[" * 100_000, "text"),
        ("power line down", "text"),
        (" ", "text"),
        ("١٢", "text"),
    ],
)
def test_kind_of_a_field(text: str, kind: Kind) -> None:
    assert kind_of_text(text) == kind


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (True, "boolean"),
        (1, "integer"),
        (1 << 40, "bigint"),
        (1 << 80, "numeric"),
        (1.5, "double precision"),
        ("1", "text"),
        ("", "text"),
        ("2024-04-26", "date"),
        ("2024-04-26T12:45:00Z", "timestamptz"),
        ({"a": 1}, "jsonb"),
        ([], "jsonb"),
    ],
)
def test_kind_of_a_json_value(value: Any, kind: Kind) -> None:
    assert kind_of_json(value) == kind


@pytest.mark.parametrize(
    ("kinds", "kind"),
    [
        (["integer", "bigint"], "bigint"),
        (["integer", "double precision"], "double precision"),
        (["bigint", "double precision"], "numeric"),
        (["integer", "numeric", "special"], "numeric"),
        (["integer", "special"], "double precision"),
        (["integer", "text"], "text"),
        (["boolean", "integer"], "text"),
        (["date", "timestamp"], "text"),
        (["timestamp", "timestamptz"], "text"),
        (["jsonb", "integer"], "text"),
    ],
)
def test_kind_of_a_mixture(kinds: list[Kind], kind: Kind) -> None:
    assert merged_all(kinds) == kind


def test_the_order_of_values_does_not_matter() -> None:
    for three in itertools.combinations_with_replacement(KINDS, 3):
        assert len({merged_all(list(order)) for order in itertools.permutations(three)}) == 1


def test_json_holds_any_mixture_with_an_object() -> None:
    assert merged("text", "jsonb", mixed="jsonb") == "jsonb"
    assert merged("jsonb", "integer", mixed="jsonb") == "jsonb"


def test_columns_without_a_number_are_text() -> None:
    assert sql_type(None) == "text"
    assert sql_type("special") == "text"


@pytest.mark.parametrize(
    ("text", "storable"),
    [
        ('{"a": "\\u00e9"}', True),
        ('{"a": "\\\\u0000"}', True),
        ('{"a": "\\u0000"}', False),
        ('{"\\u0000": 1}', False),
        ('[{"a": ["\\udc00"]}]', False),
        ('"\\ud83d\\ude00 and \\\\u0000"', True),
    ],
)
def test_what_jsonb_can_store(text: str, storable: bool) -> None:
    assert is_storable_json(text) is storable


def merged_all(kinds: list[Kind]) -> Kind | None:
    found: Kind | None = None
    for kind in kinds:
        found = merged(found, kind)
    return found
