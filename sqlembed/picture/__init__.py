"""Pictures of a table: every row a point, near those that mean nearly the same."""

from __future__ import annotations

from sqlembed.picture.picture import Group, Picture, grouped, scaled

__all__ = ["Group", "Picture", "grouped", "scaled"]
