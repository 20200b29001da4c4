"""CSV: a header line, then rows; comma, semicolon, tab or bar between the fields."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from sqlembed.errors import InputError
from sqlembed.loading.inference import Kind, kind_of_text, merged, sql_type
from sqlembed.loading.rows import TELL_EVERY, Column, Contents, RowFile, Tell
from sqlembed.loading.text_file import TextFile

DELIMITERS = (",", ";", "\t", "|")

#: Rows that are looked at to find the delimiter.
SAMPLE = 50

#: After so many rows of one type, a value of another is worth a remark.
MANY = 20

#: A quotation mark that is never closed must not swallow the rest of a large file.
FIELD_LIMIT = 100_000_000


class CsvFile(RowFile):
    """A CSV file whose first line names its columns; an empty field is NULL.

    Args:
        path: the file.
        encoding: of its text.
        delimiter: between fields; found out from the header and the first rows if ``None``.
        quotes: whether ``"`` encloses fields that hold delimiters and line ends.
    """

    def __init__(
        self,
        path: Path,
        *,
        encoding: str = "utf-8",
        delimiter: str | None = None,
        quotes: bool = True,
    ) -> None:
        super().__init__(path)
        self._text = TextFile(path, encoding)
        self._quotes = quotes
        self.delimiter = delimiter or self._found_delimiter()

    def scan(self, tell: Tell) -> Contents:
        """Read everything once and say what it is."""
        with self._reader() as (records, raw):
            names = self._header(records)
            kinds: list[Kind | None] = [None] * len(names)
            oddities: list[tuple[int, str] | None] = [None] * len(names)
            undecided = list(range(len(names)))
            count = 0
            for count, (line, record) in enumerate(records, start=1):
                for index in undecided:
                    if not (field := record[index]):
                        continue
                    known = kinds[index]
                    kind = kind_of_text(field)
                    if kind != known:
                        kinds[index] = merged(known, kind)
                        if known not in (None, "text") and kind == "text" and count > MANY:
                            oddities[index] = line, field
                if count % TELL_EVERY == 0:
                    tell(raw.tell())
                    undecided = [index for index in undecided if kinds[index] != "text"]
            tell(raw.tell())
        columns = [
            Column(name, sql_type(kind), oddity)
            for name, kind, oddity in zip(names, kinds, oddities, strict=True)
        ]
        return Contents(columns, count)

    def rows(
        self, columns: Sequence[str], types: Sequence[str], tell: Tell
    ) -> Iterator[tuple[int, Sequence[Any]]]:
        """Yield every row as its line and its fields."""
        del types
        with self._reader() as (records, raw):
            names = self._header(records)
            order = [names.index(name) for name in columns]
            for count, (line, record) in enumerate(records, start=1):
                if count % TELL_EVERY == 0:
                    tell(raw.tell())
                yield line, [record[index] or None for index in order]
            tell(raw.tell())

    @contextmanager
    def _reader(self) -> Iterator[tuple[Iterator[tuple[int, list[str]]], IO[bytes]]]:
        with self._text.open() as (text, raw):
            yield self._records(text), raw

    def _records(self, text: IO[str]) -> Iterator[tuple[int, list[str]]]:
        """Yield every record as the line it begins in and its fields, all of one number."""
        reader = csv.reader(self._lines(text), strict=True, **self._format(self.delimiter))
        before = csv.field_size_limit(FIELD_LIMIT)
        width = 0
        try:
            while True:
                line = reader.line_num + 1
                try:
                    record = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    raise self._broken(line, reader.line_num, error) from error
                if not record:
                    continue
                width = width or len(record)
                if len(record) != width:
                    raise self.error(
                        line,
                        f"{_fields(len(record))}, and the header has {width}",
                        "A field that holds the delimiter must stand in quotation marks.",
                    )
                yield line, record
        finally:
            csv.field_size_limit(before)

    def _format(self, delimiter: str) -> dict[str, Any]:
        quoting = csv.QUOTE_MINIMAL if self._quotes else csv.QUOTE_NONE
        return {"delimiter": delimiter, "quoting": quoting}

    def _lines(self, text: IO[str]) -> Iterator[str]:
        for number, line in enumerate(text, start=1):
            if "\0" in line:
                raise self.error(number, "it holds NUL, which PostgreSQL cannot store")
            yield line

    def _broken(self, first: int, last: int, error: csv.Error) -> InputError:
        if "unexpected end" in str(error) or "field larger" in str(error):
            problem = "a quotation mark is opened and never closed"
        else:
            problem = f"a quotation mark in the wrong place ({error})"
            first = max(first, last)
        return self.error(
            first,
            problem,
            'Inside quotation marks write "" for one. If they mean nothing in this file,'
            " say --no-quotes.",
        )

    def _header(self, records: Iterator[tuple[int, list[str]]]) -> list[str]:
        for line, names in records:
            return self.checked_columns(names, line)
        raise InputError(f"{self.path.name} is empty", hint="Its first line names the columns.")

    def _found_delimiter(self) -> str:
        """Return the delimiter that cuts the header, and the first rows likewise, into most."""
        with self._text.open() as (text, _):
            sample = list(itertools.islice(self._lines(text), SAMPLE))

        def score(delimiter: str) -> tuple[bool, int]:
            try:
                records = [row for row in csv.reader(sample, **self._format(delimiter)) if row]
            except csv.Error:
                return False, 0
            # The last one may go on after the sample.
            widths = [len(row) for row in (records[:-1] or records)]
            return len(set(widths)) == 1 and widths[0] > 1, widths[0] if widths else 0

        # The first of equals: a comma, where there is nothing to see.
        return max(DELIMITERS, key=score)


def _fields(count: int) -> str:
    return f"{count} field{'' if count == 1 else 's'}"
