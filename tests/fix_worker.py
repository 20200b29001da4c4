"""Workers for tests, in a thread of the test's own process."""

from __future__ import annotations
