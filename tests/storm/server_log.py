"""What the server's log says of deadlocks."""

from __future__ import annotations

import re

from tests.storm.operations import MARK
from tests.writing import Connection, rows

#: Where a server with a logging collector writes, and where the embedded one does.
LOG = "coalesce(pg_current_logfile(), '../log')"

#: An error with its details, of which each further line begins with a tab.
DEADLOCK = re.compile(r"deadlock detected\n[^\t].*?DETAIL:  (.*\n(?:\t.*\n)*)")
PROCESS = re.compile(r"^\tProcess \d+: (.*)$", re.MULTILINE)


class ServerLog:
    """The log of a server from now on.

    Raises:
        RuntimeError: the log cannot be read.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        ((self._file, self._start),) = rows(
            connection, f"select {LOG}, (pg_stat_file({LOG}, true)).size"
        )
        if self._start is None:
            raise RuntimeError("the server's log is nowhere to be read: set logging_collector = on")

    def deadlocks(self) -> list[list[str]]:
        """Return, for each deadlock, the statements that were in it."""
        ((said,),) = rows(
            self._connection,
            "select pg_read_binary_file(%s, %s, (pg_stat_file(%s)).size - %s)",
            *(self._file, self._start, self._file, self._start),
        )
        return deadlocks(said.decode(errors="replace"))


def deadlocks(log: str) -> list[list[str]]:
    """Return, for each deadlock in a log, the statements that were in it."""
    return [PROCESS.findall(detail) for detail in DEADLOCK.findall(log)]


def is_of_writers(statements: list[str]) -> bool:
    """Tell whether a deadlock is between writers alone."""
    return bool(statements) and all(statement.startswith(MARK) for statement in statements)
