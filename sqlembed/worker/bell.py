"""How an idle worker waits: a bell that writers ring only while somebody listens, and polling."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

from psycopg import sql

if TYPE_CHECKING:
    from sqlembed.worker.link import Connection

#: The bell may be lost, polling may not: it is the authority.
POLL = timedelta(seconds=1)

#: Poll of a worker that writers do not ring for, because another one listens already, a transaction
#: that found nobody listening is still open, or the server allows prepared transactions, which must
#: not have rung.
UNRUNG_POLL = timedelta(milliseconds=100)

LISTEN = sql.SQL("listen {}")
LOCK = """
select case
    when current_setting('max_prepared_transactions') = '0'
    then pg_try_advisory_lock(sqlembed._lock('idle'), 0)
    else false
end
"""
UNLOCK = "select pg_advisory_unlock(sqlembed._lock('idle'), 0)"


class Bell:
    """Rung by writers, through NOTIFY, while the worker is idle; by callers of embed at any time.

    A worker says that it is idle by a lock. NOTIFY serializes commits, so writers ring only when
    they find that lock taken.
    """

    def __init__(self, connection: Connection, worker: int) -> None:
        self._connection = connection
        self._idle = False
        for channel in ("sqlembed", f"sqlembed_{worker}"):
            connection.execute(LISTEN.format(sql.Identifier(channel)))

    def busy(self) -> None:
        """Writers need not ring: the worker looks for more work by itself."""
        if self._idle:
            self._connection.execute(UNLOCK)
            self._idle = False

    def wait(self, look_again: float = 0) -> None:
        """Return when there may be work.

        The first call only says that the worker is idle: what was committed before that rang no
        bell, so the caller has to look once more.

        Args:
            look_again: when there will be work, bell or no bell, as ``time.monotonic`` counts.
        """
        if not self._idle:
            row = self._connection.execute(LOCK).fetchone()
            self._idle = bool(row and row[0])
            if self._idle:
                return
        # What rang while the worker was busy comes first, at once.
        poll = (POLL if self._idle else UNRUNG_POLL).total_seconds()
        remaining = look_again - time.monotonic()
        if remaining > 0:
            poll = min(poll, remaining + 0.005)
        for _ in self._connection.notifies(timeout=poll, stop_after=1):
            pass
