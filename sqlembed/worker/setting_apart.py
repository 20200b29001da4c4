"""A statement on many rows: the one that is to blame for its failure is set apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

import psycopg

from sqlembed.worker.jobs import RENAMED
from sqlembed.worker.link import reason

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: What a row causes that has moved to another partition meanwhile, or whose triggers wait for each
#: other's rows: the next time it goes well.
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
        bad: takes what the table said to a row, by its key.

    Raises:
        psycopg.Error: no row is to blame.
    """
    try:
        return write(part)
    except psycopg.DatabaseError as error:
        goes_well_again = isinstance(error, ROLLED_BACK)
        if not goes_well_again and not is_of_a_row(error):
            raise
        if len(part) == 1:
            if not goes_well_again:
                bad[part[0].key] = reason(error)
            return set()
    middle = len(part) // 2
    return write_apart(write, part[:middle], bad) | write_apart(write, part[middle:], bad)


def is_of_a_row(error: psycopg.DatabaseError) -> bool:
    """Tell whether an error may come from one row, rather than from the table or the server."""
    is_of_all = isinstance(error, (psycopg.OperationalError, psycopg.ProgrammingError))
    return not is_of_all and error.sqlstate != RENAMED


def is_lost(error: psycopg.Error) -> bool:
    """Tell whether an error may be the connection's."""
    return isinstance(error, psycopg.OperationalError) and not isinstance(
        error, psycopg.errors.LockNotAvailable
    )
