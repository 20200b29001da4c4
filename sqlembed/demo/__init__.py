"""A tour of sqlembed on real text that is present everywhere: Python's own docstrings."""

from __future__ import annotations
