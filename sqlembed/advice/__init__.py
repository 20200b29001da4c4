"""Which storage and index fit a table: what there is to choose from, and which to choose."""

from __future__ import annotations

from sqlembed.advice.choice import Choice, recommend
from sqlembed.advice.options import Measured, Option, options_for

__all__ = ["Choice", "Measured", "Option", "options_for", "recommend"]
