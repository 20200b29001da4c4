"""The narrowest PostgreSQL type that holds every value of a column without changing one."""

from __future__ import annotations

import json
import math
import re
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, TypeAlias

SqlType: TypeAlias = Literal[
    "boolean",
    "integer",
    "bigint",
    "numeric",
    "double precision",
    "date",
    "timestamp",
    "timestamptz",
    "text",
    "jsonb",
]
#: ``special`` stands for NaN and infinity, which are numbers only among numbers.
Kind: TypeAlias = SqlType | Literal["special"]

INTEGER_LIMIT = 1 << 31
BIGINT_LIMIT = 1 << 63

#: Every decimal of so many digits survives a double.
EXACT_DIGITS = 15

#: numeric takes 131,072 digits, but nobody means that.
MAX_DIGITS = 1_000

# A leading zero or plus is part of a code, a telephone number or an article number.
WHOLE = re.compile(r" *(?:0|-?[1-9]\d*) *", re.ASCII)
DECIMAL = re.compile(r" *-?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})? *", re.ASCII)
SPECIAL = re.compile(r"nan|-?inf(?:inity)?", re.IGNORECASE | re.ASCII)
DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ]([01]\d|2[0-3]):\d\d(?::\d\d(?:\.\d{1,6})?)?"
    r"(?P<zone> ?(?:Z|[+-](?:0\d|1[0-5])(?::?[0-5]\d)?))?",
    re.ASCII,
)

# What jsonb refuses of what Python reads: \u0000, and halves of characters.
UNSTORABLE_ESCAPE = re.compile(r"(?<!\\)(?:\\\\)*\\u(?:0000|[dD][89a-fA-F])")


def kind_of_text(text: str) -> Kind:
    """Return the narrowest kind of a field that is not empty."""
    first = text[0]
    if first in "0123456789-. ":
        if WHOLE.fullmatch(text):
            return _kind_of_whole(text.strip())
        if DECIMAL.fullmatch(text):
            return _kind_of_decimal(text.strip())
        return "special" if SPECIAL.fullmatch(text) else kind_of_time(text)
    if first in "tTfF":
        return "boolean" if text.lower() in ("true", "false") else "text"
    if first in "nNiI":
        return "special" if SPECIAL.fullmatch(text) else "text"
    return "jsonb" if first in "{[" and _is_json(text) else "text"


def kind_of_json(value: Any) -> Kind:
    """Return the narrowest kind of a value out of JSON that is not null."""
    if isinstance(value, str):
        return kind_of_time(value) if value[:1].isdecimal() else "text"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return _kind_of_int(value)
    return "double precision" if isinstance(value, float) else "jsonb"


def kind_of_time(text: str) -> Kind:
    """Return ``date``, ``timestamp`` or ``timestamptz`` for ISO 8601, else ``text``."""
    day = DAY.fullmatch(text)
    moment = None if day else MOMENT.fullmatch(text)
    if not day and not moment:
        return "text"
    zone = moment.start("zone") if moment and moment["zone"] else None
    try:
        # Without the zone: Python knows fewer ways to write it.
        datetime.fromisoformat(text[:zone])
    except ValueError:
        return "text"
    if day:
        return "date"
    return "timestamp" if zone is None else "timestamptz"


def merged(one: Kind | None, other: Kind, *, mixed: Literal["text", "jsonb"] = "text") -> Kind:
    """Return the kind that holds both.

    Args:
        one: the kind so far, ``None`` before the first value.
        other: the kind of one more value.
        mixed: what holds an object or a list as well as something else.
    """
    if one is None or one == other:
        return other
    pair = {one, other}
    if "jsonb" in pair:
        return mixed
    if pair <= {"integer", "bigint"}:
        return "bigint"
    if pair <= {"integer", "double precision", "special"}:
        return "double precision"
    if pair <= {"integer", "bigint", "numeric", "double precision", "special"}:
        return "numeric"
    return "text"


def sql_type(kind: Kind | None) -> SqlType:
    """Return the type of a column; one without any value is text."""
    return "text" if kind is None or kind == "special" else kind


def is_storable_json(text: str) -> bool:
    """Tell whether jsonb takes the text of a JSON value."""
    return "\\u" not in text or (
        UNSTORABLE_ESCAPE.search(text) is None or _is_storable(json.loads(text))
    )


def _is_storable(value: Any) -> bool:
    """Tell whether UTF-8 has all characters, and PostgreSQL too."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return not _has_nul(value)


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_has_nul(part) for item in value.items() for part in item)
    return isinstance(value, list) and any(map(_has_nul, value))


def _kind_of_whole(text: str) -> Kind:
    if len(text) <= len(str(INTEGER_LIMIT)) - 1:
        return "integer"
    if len(text) > MAX_DIGITS:
        return "text"
    return _kind_of_int(int(text))


def _kind_of_int(value: int) -> Kind:
    if -INTEGER_LIMIT <= value < INTEGER_LIMIT:
        return "integer"
    return "bigint" if -BIGINT_LIMIT <= value < BIGINT_LIMIT else "numeric"


def _kind_of_decimal(text: str) -> Kind:
    if len(text) > MAX_DIGITS:
        return "text"
    if len(text) <= EXACT_DIGITS and not ("e" in text or "E" in text):
        return "double precision"
    nearest = float(text)
    exact = math.isfinite(nearest) and Decimal(repr(nearest)) == Decimal(text)
    return "double precision" if exact else "numeric"


def _is_json(text: str) -> bool:
    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        json.loads(text, parse_constant=refuse)
        return is_storable_json(text)
    except (ValueError, RecursionError):
        return False
