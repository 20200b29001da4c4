"""Rows of ``sync`` embeddings are embedded by the session that writes them, before it commits.

The session promises the database to do so, whose trigger then only notes the rows. A note that
nobody has come back for is a change like others, which a worker embeds after the commit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakSet, ref

from sqlalchemy import Connection, event
from sqlalchemy.orm import ORMExecuteState, Session, SessionTransaction, UOWTransaction

from sqlembed.embedders import Registry
from sqlembed.orm.drain import drain
from sqlembed.orm.refresh import expire_sync_vectors
from sqlembed.orm.written import any_mapped, writes

#: Key in ``Session.info`` of the connections that the session's transaction uses.
LINKS = "sqlembed_links"

#: For one role only: a function that runs with another one's rights embeds by itself.
PROMISE = "select set_config('sqlembed.inline', current_user, true)"
END_OF_PROMISE = "select set_config('sqlembed.inline', '', true)"


def embed_inline(session_class: type[Session], registry_of: Callable[[Session], Registry]) -> None:
    """Lets all sessions of a class embed what they write.

    Args:
        session_class: the class.
        registry_of: returns the embedders that a session may use.
    """

    def after_flush(session: Session, flush_context: UOWTransaction) -> None:
        del flush_context
        _drain(session, registry_of(session))

    def before_commit(session: Session) -> None:
        is_last = session.get_nested_transaction() is None
        _drain(session, registry_of(session), is_last=is_last)

    def execute(state: ORMExecuteState) -> Any:
        if state.is_select or not any_mapped():
            return None
        result = state.invoke_statement()
        # Objects that it returns are loaded before their vectors are there, and expired then.
        if state.is_orm_statement and _is_returning(state.statement):
            result = result.freeze()()
        _drain(state.session, registry_of(state.session))
        return result

    event.listen(session_class, "after_begin", _after_begin)
    event.listen(session_class, "after_transaction_end", _after_end)
    event.listen(session_class, "after_flush_postexec", after_flush)
    event.listen(session_class, "before_commit", before_commit)
    event.listen(session_class, "do_orm_execute", execute)


class _Link:
    """A connection while a session has a transaction on it."""

    def __init__(self, session: Session, connection: Connection) -> None:
        self.connection = connection
        #: Whether rows may wait for their vectors.
        self.has_written = False
        #: Whether the transaction has made the promise, to be kept by its end: functions, raw
        #: cursors and a savepoint's rollback leave rows behind that no statement tells of.
        self.has_promised = False
        self._session = ref(session)
        # A promise goes with the savepoint that it was made in.
        self._promised: WeakSet[SessionTransaction] = WeakSet()
        event.listen(connection, "before_cursor_execute", self._notice)

    def _notice(
        self,
        connection: Connection,
        cursor: Any,
        statement: str,
        parameters: Any,
        context: Any,
        executemany: bool,
    ) -> None:
        del connection, cursor, parameters, executemany
        if writes(statement, context.compiled):
            self.has_written = True
            self._promise()

    def _promise(self) -> None:
        session = self._session()
        assert session is not None
        innermost = session.get_nested_transaction() or session.get_transaction()
        transaction = innermost
        while transaction is not None:
            if transaction in self._promised:
                return
            transaction = transaction.parent
        assert innermost is not None
        self._promised.add(innermost)
        self.has_promised = True
        self.connection.exec_driver_sql(PROMISE)

    def close(self) -> None:
        event.remove(self.connection, "before_cursor_execute", self._notice)
        # A transaction that was there before the session goes on without it.
        if self._promised and not self.connection.closed and self.connection.in_transaction():
            self.connection.exec_driver_sql(END_OF_PROMISE)


def _after_begin(session: Session, transaction: SessionTransaction, connection: Connection) -> None:
    del transaction
    if connection.dialect.name != "postgresql" or not any_mapped():
        return
    links: dict[Connection, _Link] = session.info.setdefault(LINKS, {})
    if connection not in links:
        links[connection] = _Link(session, connection)


def _after_end(session: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        for link in session.info.pop(LINKS, {}).values():
            link.close()


def _drain(session: Session, registry: Registry, *, is_last: bool = False) -> None:
    for link in session.info.get(LINKS, {}).values():
        if link.has_written or (is_last and link.has_promised):
            drain(link.connection, registry)
            link.has_written = False
            expire_sync_vectors(session)


def _is_returning(statement: Any) -> bool:
    return bool(statement.is_dml) and len(statement.exported_columns) > 0
