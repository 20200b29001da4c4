"""How well a search ranks, by what people have judged: files in BEIR's layout, and measures."""

from __future__ import annotations

from sqlembed.evaluation.files import Judgements, read_judgements, read_queries
from sqlembed.evaluation.measures import Measures, mean_measures

__all__ = ["Judgements", "Measures", "mean_measures", "read_judgements", "read_queries"]
