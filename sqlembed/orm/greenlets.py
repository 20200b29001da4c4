"""A model call from a SQLAlchemy session that never blocks an event loop."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy.util import concurrency

Result = TypeVar("Result")

# SQLAlchemy 2.1 has the second name, and 2.2 no longer the first.
_await: Any = getattr(concurrency, "await_", None) or concurrency.await_only


def off_the_loop(work: Callable[[], Result]) -> Result:
    """Returns what the work returns; an ``AsyncSession`` waits for it in a thread."""
    # Without asyncio nobody has imported greenlet, which need not even be installed.
    if "greenlet" not in sys.modules or not concurrency.in_greenlet():
        return work()
    result: Result = _await(asyncio.to_thread(work))
    return result
