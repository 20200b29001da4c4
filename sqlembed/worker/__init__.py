"""The process that serves jobs and requests with Python embedders."""

from __future__ import annotations

from sqlembed.worker.loop import Worker
from sqlembed.worker.progress import Progress
from sqlembed.worker.registration import register_embedders

__all__ = ["Progress", "Worker", "register_embedders"]
