"""Sessions that embed in their own process, and see the vectors that the database made."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import event
from sqlalchemy.orm import ORMExecuteState, Session, scoped_session, sessionmaker
from sqlalchemy.sql import visitors

from sqlembed.embedders import Registry
from sqlembed.errors import InputError
from sqlembed.orm.inline import embed_inline
from sqlembed.orm.statements import Answers, EmbedGiven, Question, current_answers

if TYPE_CHECKING:
    from sqlalchemy import ClauseElement

#: Attribute of a session class that holds the registry it is attached to.
REGISTRY = "_sqlembed_registry"

#: Attribute of what makes asynchronous sessions: the session class made for them alone.
OWN = "_sqlembed_session_class"


def attach(sessions: Any, registry: Registry) -> None:
    """Lets sessions compute vectors with the registry's embedders, in this process.

    ``embed()`` and ``search()`` in their statements then need no worker, and neither do the rows
    they write to tables with a ``sync`` embedding: those have their vectors after every flush and
    every other statement that writes. For an asynchronous session the embedder runs in a thread.
    Nothing changes for other sessions. Attaching again replaces the registry.

    Args:
        sessions: a ``sessionmaker``, ``async_sessionmaker`` or ``scoped_session`` of one, or a
            subclass of ``Session`` or ``AsyncSession``; all sessions it makes from now on.
        registry: the embedders; may be filled later.

    Raises:
        InputError: something else.
    """
    if not isinstance(registry, Registry):
        raise InputError(f"attach() takes a Registry, not {registry!r}")
    session_class = _session_class(sessions)
    # A subclass has its parents' listeners. Not `event.contains`: it knows classes by their id,
    # which another one may have had that is gone.
    is_new = not any(REGISTRY in vars(ancestor) for ancestor in session_class.__mro__)
    setattr(session_class, REGISTRY, registry)
    if is_new:
        event.listen(session_class, "do_orm_execute", _answer)
        embed_inline(session_class, _registry_of)


def _session_class(sessions: Any) -> type[Session]:
    """Returns a class of which all these sessions are, and no others."""
    if isinstance(sessions, scoped_session):
        return _session_class(sessions.session_factory)
    if isinstance(sessions, sessionmaker):
        # Every sessionmaker makes a class of its own.
        return sessions.class_
    if isinstance(sessions, type) and issubclass(sessions, Session):
        return sessions
    # Not imported here: it needs greenlet, which SQLAlchemy 2.1 does without.
    asynchronous = sys.modules.get("sqlalchemy.ext.asyncio")
    if asynchronous is not None:
        if isinstance(sessions, asynchronous.async_scoped_session):
            return _session_class(sessions.session_factory)
        if isinstance(sessions, asynchronous.async_sessionmaker):
            # Unlike a sessionmaker, it shares its class with others.
            current = sessions.kw.get("sync_session_class") or sessions.class_.sync_session_class
            sessions.kw["sync_session_class"] = own = _own_class(sessions, current)
            return own
        if isinstance(sessions, type) and issubclass(sessions, asynchronous.AsyncSession):
            class_: Any = sessions
            class_.sync_session_class = own = _own_class(class_, class_.sync_session_class)
            return own
    raise InputError(
        f"attach() takes a sessionmaker or a class of sessions, not {sessions!r}",
        hint="For instance: Session = sessionmaker(engine); sqlembed.attach(Session, registry).",
    )


def _own_class(holder: Any, current: type[Session]) -> type[Session]:
    """Returns the current class if it was made for this holder, else a subclass of it."""
    if vars(holder).get(OWN) is not current:
        setattr(holder, OWN, type(current.__name__, (current,), {}))
    own: type[Session] = vars(holder)[OWN]
    return own


def _registry_of(session: Session) -> Registry:
    registry: Registry = getattr(session, REGISTRY)
    return registry


def _answer(state: ORMExecuteState) -> Any:
    """Computes the vectors of a statement before a connection is taken for it."""
    registry = _registry_of(state.session)
    running = current_answers.get()
    if running is not None and running.registry is registry:
        # A statement inside another one's execution, as eager loading makes them.
        running.find(_questions(state))
        return None
    answers = Answers(registry)
    answers.find(_questions(state))
    token = current_answers.set(answers)
    try:
        return state.invoke_statement()
    finally:
        current_answers.reset(token)


def _questions(state: ORMExecuteState) -> Iterator[Question]:
    # Loads of attributes hold an embed() only where an option put it; it is found when it is bound.
    if state.is_column_load or state.is_relationship_load:
        return
    for element in visitors.iterate(cast("ClauseElement", state.statement)):
        if isinstance(element, EmbedGiven) and element.question is not None:
            yield element.question
