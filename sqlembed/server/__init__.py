"""The embedded PostgreSQL: for trying sqlembed and for its tests, with nothing to install."""

from __future__ import annotations

from sqlembed.server.binaries import psql_path
from sqlembed.server.cluster import Server
from sqlembed.server.folder import default_data_dir

__all__ = ["Server", "default_data_dir", "psql_path"]
