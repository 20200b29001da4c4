"""What every kind of file is to a load: columns with types, and rows ready for COPY."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

from sqlembed.errors import InputError
from sqlembed.loading.names import checked_name

#: Told now and then how many bytes of the file have been read.
Tell: TypeAlias = Callable[[int], None]

#: Rows between two calls of it.
TELL_EVERY = 1_000


@dataclass
class Column:
    """A column of the file."""

    name: str
    #: The narrowest type for all its values, as SQL.
    type: str
    #: The line and the value that made it text, after many values of another type.
    oddity: tuple[int, str] | None = None


@dataclass
class Contents:
    """What reading a file from end to end has shown."""

    columns: list[Column] = field(default_factory=list)
    rows: int = 0


class RowFile(ABC):
    """A file of rows that can be read any number of times, with little memory."""

    #: How messages count: the line of a text file, the row of another.
    counted: ClassVar[str] = "line"

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def size(self) -> int:
        """Bytes of the file as it is stored."""
        return self.path.stat().st_size

    @abstractmethod
    def scan(self, tell: Tell) -> Contents:
        """Read everything once and say what it is.

        Raises:
            InputError: the file is broken; the message says where.
        """

    @abstractmethod
    def rows(
        self, columns: Sequence[str], types: Sequence[str], tell: Tell
    ) -> Iterator[tuple[int, Sequence[Any]]]:
        """Yield every row as its line and its values, as text or what psycopg writes as such.

        Args:
            columns: the columns wanted, in this order.
            types: the types they have in the table, as ``pg_type.typname``, or ``array``.
            tell: is told how far it is.
        """

    def error(self, line: int | None, problem: str, hint: str | None = None) -> InputError:
        """Return the error that a line, or the file as a whole, is broken."""
        place = "" if line is None else f", {self.counted} {line}"
        return InputError(f"{self.path.name}{place}: {problem}", hint=hint)

    def checked_columns(self, names: Sequence[str], line: int | None) -> list[str]:
        """Return the names if a table can have them as columns.

        Raises:
            InputError: one is empty, too long or there twice; the message has its number.
        """
        seen: dict[str, int] = {}
        for number, name in enumerate(names, start=1):
            if not name.strip():
                raise self.error(
                    line,
                    f"column {number} has no name",
                    "Give it one in the first line (from pandas: to_csv(index=False)).",
                )
            if name in seen:
                raise self.error(
                    line, f"columns {seen[name]} and {number} have the same name {name!r}"
                )
            seen[name] = number
            try:
                checked_name(name, f"the name of column {number}")
            except InputError as error:
                raise self.error(line, error.message, error.hint) from error
        return list(names)
