"""Files into tables: CSV, JSON Lines and Parquet, with types that fit and nothing half done."""

from __future__ import annotations

from sqlembed.loading.files import FORMATS, open_file
from sqlembed.loading.names import TableName, parse_table_name, quoted
from sqlembed.loading.rows import Column, Contents, RowFile
from sqlembed.loading.tables import Target, fill, find_table, prepare_table

__all__ = [
    "FORMATS",
    "Column",
    "Contents",
    "RowFile",
    "TableName",
    "Target",
    "fill",
    "find_table",
    "open_file",
    "parse_table_name",
    "prepare_table",
    "quoted",
]
