"""JSON Lines: one object a line, its names the columns."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from sqlembed.errors import InputError
from sqlembed.loading.inference import Kind, is_storable_json, kind_of_json, merged, sql_type
from sqlembed.loading.rows import TELL_EVERY, Column, Contents, RowFile, Tell
from sqlembed.loading.text_file import TextFile


class JsonFile(RowFile):
    """A file with a JSON object in every line; a name that is missing is NULL.

    Args:
        path: the file.
        encoding: of its text.
    """

    def __init__(self, path: Path, *, encoding: str = "utf-8") -> None:
        super().__init__(path)
        self._text = TextFile(path, encoding)

    def scan(self, tell: Tell) -> Contents:
        """Read everything once and say what it is; columns stand in the order they appear."""
        kinds: dict[str, Kind | None] = {}
        count = first = 0
        with self._objects() as (objects, raw):
            for count, (line, found) in enumerate(objects, start=1):
                first = first or line
                for name, value in found.items():
                    known = kinds.setdefault(name, None)
                    if value is not None and known != "jsonb":
                        kinds[name] = merged(known, kind_of_json(value), mixed="jsonb")
                if count % TELL_EVERY == 0:
                    tell(raw.tell())
            tell(raw.tell())
        if not kinds:
            raise InputError(f"{self.path.name} holds no rows", hint='Every line is like {"a": 1}.')
        names = self.checked_columns(list(kinds), first)
        return Contents([Column(name, sql_type(kinds[name])) for name in names], count)

    def rows(
        self, columns: Sequence[str], types: Sequence[str], tell: Tell
    ) -> Iterator[tuple[int, Sequence[Any]]]:
        """Yield every row as its line and its values."""
        writers = [(name, writer_for(kind)) for name, kind in zip(columns, types, strict=True)]
        with self._objects() as (objects, raw):
            for count, (line, found) in enumerate(objects, start=1):
                if count % TELL_EVERY == 0:
                    tell(raw.tell())
                values = ((write, found.get(name)) for name, write in writers)
                yield line, [None if value is None else write(value) for write, value in values]
            tell(raw.tell())

    @contextmanager
    def _objects(self) -> Iterator[tuple[Iterator[tuple[int, dict[str, Any]]], IO[bytes]]]:
        with self._text.open() as (text, raw):
            yield self._parsed(text), raw

    def _parsed(self, text: IO[str]) -> Iterator[tuple[int, dict[str, Any]]]:
        decode = json.JSONDecoder(parse_float=_finite).decode
        for number, line in enumerate(text, start=1):
            if line.isspace():
                continue
            try:
                found = decode(line)
            except (ValueError, RecursionError) as error:
                raise self._broken(number, line, error) from error
            if not isinstance(found, dict):
                raise self._broken(number, line, None)
            if not is_storable_json(line):
                raise self.error(
                    number,
                    "it holds \\u0000 or half of a character, which PostgreSQL cannot store",
                    "Take it out of the text first.",
                )
            yield number, found

    def _broken(self, number: int, line: str, error: Exception | None) -> InputError:
        start = line.lstrip()[:1]
        if number == 1 and (start == "[" or line.strip() == "{"):
            return self.error(
                1,
                "a JSON document, where JSON Lines has one object a line",
                "Convert it: jq -c '.[]' FILE > rows.jsonl",
            )
        if error is None:
            return self.error(number, "not a JSON object", 'A line is like {"a": 1, "b": "two"}.')
        reason = str(error)
        if isinstance(error, json.JSONDecodeError):
            reason = f"{error.msg} at character {error.pos + 1}"
        return self.error(number, f"not JSON: {reason}")


def writer_for(kind: str) -> Callable[[Any], Any]:
    """Return what makes a value, never null, ready for COPY into a column of a type."""
    if kind in ("json", "jsonb"):
        return json_text
    return array_of_text if kind == "array" else plain_text


def json_text(value: Any) -> str:
    """Return a value as JSON."""
    return json.dumps(value, ensure_ascii=False, default=str)


def plain_text(value: Any) -> Any:
    """Return a value as what a column of any other type reads."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return json_text(value) if isinstance(value, (dict, list)) else value


def array_of_text(value: Any) -> Any:
    """Return a list as psycopg writes an array of any type, all members text."""
    if not isinstance(value, list):
        return plain_text(value)
    return [
        None if part is None else array_of_text(part) if isinstance(part, list) else _text(part)
        for part in value
    ]


def _text(value: Any) -> str:
    return str(plain_text(value))


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text} is too large")
    return value
