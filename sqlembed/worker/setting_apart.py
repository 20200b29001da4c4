"""A statement on many rows: the one that is to blame for its failure is set apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

import psycopg

from sqlembed.worker.jobs import RENAMED
from sqlembed.worker.link import reason

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


#: What a row causes that has moved to another partition meanwhile, or whose triggers wait for each
#: other's rows: it goes well the next time.
ROLLED_BACK = (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected)


class Row(Protocol):
    """What has the key of a row."""

    @property
    def key(self) -> str:
        """The row's key."""


AnyRow = TypeVar("AnyRow", bound=Row)


def write_apart(
    write: Callable[[Sequence[AnyRow]], set[str]], part: Sequence[AnyRow], bad: dict[str, str]
) -> set[str]:
    """Write rows, by halves where one of them is refused; returns the keys that ``write`` returns.

    Args:
        write: writes some rows in one statement.
        part: the rows.
        bad: takes what the table said to a row, by its key. A row that went elsewhere meanwhile is
            neither bad nor written.

    Raises:
        psycopg.Error: no row is to blame.
    """
    try:
        return write(part)
    except psycopg.DatabaseError as error:
        has_moved = isinstance(error, ROLLED_BACK)
        if not has_moved and not is_of_a_row(error):
            raise
        if len(part) == 1:
            if not has_moved:
                bad[part[0].key] = reason(error)
            return set()
    middle = len(part) // 2
    return write_apart(write, part[:middle], bad) | write_apart(write, part[middle:], bad)


def is_of_a_row(error: psycopg.DatabaseError) -> bool:
    """Tell whether an error may come from one row, rather than from the table or the server."""
    is_of_all = isinstance(error, (psycopg.OperationalError, psycopg.ProgrammingError))
    return not is_of_all and error.sqlstate != RENAMED
