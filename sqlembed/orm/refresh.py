"""A written object shows the vector that the database has, not the one it was loaded with."""

from __future__ import annotations

from typing import Any
from weakref import WeakSet

from sqlalchemy import Column, Connection, event, inspect
from sqlalchemy.orm import InstanceState, Mapper, Session, UOWTransaction, object_session

from sqlembed.orm.embedded import embedded_columns, embedded_in
from sqlembed.types import Timing

#: Key in ``Session.info`` of what the running flush has written.
WRITTEN = "sqlembed_written"


@event.listens_for(Mapper, "after_mapper_constructed")
def _watch(mapper: Mapper[Any], class_: type[Any]) -> None:
    """Collects the written objects of classes that have an embedding; others cost nothing."""
    del class_
    if any(True for _ in embedded_columns(mapper.local_table)):
        event.listen(mapper, "after_insert", _after_insert, propagate=True)
        event.listen(mapper, "after_update", _after_update, propagate=True)


def _after_insert(mapper: Mapper[Any], connection: Connection, target: Any) -> None:
    del mapper, connection
    _collect(target)


def _after_update(mapper: Mapper[Any], connection: Connection, target: Any) -> None:
    del mapper, connection
    session = object_session(target)
    # Reported for every object that was touched, whether or not it was written.
    if session is not None and session.is_modified(target, include_collections=False):
        _collect(target)


def _collect(target: Any) -> None:
    # Not the objects themselves: a dataclass has no hash.
    state: InstanceState[Any] = inspect(target)
    if state.session is not None:
        state.session.info.setdefault(WRITTEN, WeakSet()).add(state)


@event.listens_for(Session, "after_flush_postexec")
def _expire(session: Session, flush_context: UOWTransaction) -> None:
    del flush_context
    for state in session.info.pop(WRITTEN, ()):
        # After a flush that failed, some of them are no longer the session's.
        if state.persistent and state.session is session:
            session.expire(state.obj(), _vector_attributes(state.mapper))


def _vector_attributes(mapper: Mapper[Any], timing: Timing | None = None) -> list[str]:
    return [
        mapper.get_property_by_column(column).key
        for column in mapper.columns
        if isinstance(column, Column)
        and (embedded := embedded_in(column)) is not None
        and timing in (None, embedded.timing)
    ]


def expire_sync_vectors(session: Session) -> None:
    """Has the vectors of ``sync`` embeddings read anew that are not to be written themselves."""
    for state in session.identity_map.all_states():
        loaded = [
            key
            for key in _vector_attributes(state.mapper, timing="sync")
            if key in state.dict and key not in state.committed_state
        ]
        if loaded:
            session.expire(state.obj(), loaded)
