"""How an idle worker waits: a bell that writers ring only while somebody listens, and polling."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from psycopg import sql

if TYPE_CHECKING:
    import threading

    import psycopg

    from sqlembed.worker.link import Connection

#: The bell may be lost, polling may not: it is the authority.
POLL = timedelta(seconds=1)

#: Poll of a worker that writers do not ring for, because another one listens already or a
#: transaction that found nobody listening is still open.
UNRUNG_POLL = timedelta(milliseconds=100)

LISTEN = sql.SQL("listen {}")
LOCK = "select pg_try_advisory_lock(sqlembed._lock('idle'), 0)"
UNLOCK = "select pg_advisory_unlock(sqlembed._lock('idle'), 0)"


class Bell:
    """Rung by writers, through NOTIFY, while the worker is idle; by callers of embed at any time.

    A worker says that it is idle by a lock. NOTIFY serializes commits, so writers ring only when
    they find that lock taken.
    """

    def __init__(self, connection: Connection, worker: int, stopping: threading.Event) -> None:
        self._connection = connection
        self._stopping = stopping
        self._idle = False
        self._rung = False
        connection.add_notify_handler(self._ring)
        for channel in ("sqlembed", f"sqlembed_{worker}"):
            connection.execute(LISTEN.format(sql.Identifier(channel)))

    def _ring(self, _: psycopg.Notify) -> None:
        self._rung = True

    def busy(self) -> None:
        """Writers need not ring: the worker looks for more work by itself."""
        if self._idle:
            self._connection.execute(UNLOCK)
            self._idle = False

    def wait(self) -> None:
        """Return when there may be work.

        The first call only says that the worker is idle: what was committed before that rang no
        bell, so the caller has to look once more.
        """
        if not self._idle:
            row = self._connection.execute(LOCK).fetchone()
            self._idle = bool(row and row[0])
            if self._idle:
                return
        if not self._rung:
            poll = POLL if self._idle else UNRUNG_POLL
            for _ in self._connection.notifies(timeout=poll.total_seconds(), stop_after=1):
                pass
        self._rung = False
