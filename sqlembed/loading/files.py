"""Which reader a file needs."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from sqlembed.errors import InputError
from sqlembed.loading.csv_file import CsvFile
from sqlembed.loading.json_file import JsonFile
from sqlembed.loading.parquet_file import ParquetFile
from sqlembed.loading.rows import RowFile
from sqlembed.loading.text_file import open_bytes, unpacked

FORMATS = ("csv", "jsonl", "parquet")

SUFFIXES = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}

PARQUET_MAGIC = b"PAR1"


def open_file(
    path: Path,
    *,
    format: str | None = None,
    encoding: str = "utf-8",
    delimiter: str | None = None,
    quotes: bool = True,
) -> RowFile:
    """Return the reader of a file.

    Args:
        path: the file; CSV and JSON Lines may be compressed with gzip.
        format: one of ``FORMATS``; ``None`` goes by the file's name, then by how it begins.
        encoding: of CSV and JSON Lines.
        delimiter: of CSV; ``None`` finds it out.
        quotes: whether quotation marks mean something in CSV.

    Raises:
        InputError: the file cannot be read, is empty or is something else.
        ConfigError: it is Parquet, and pyarrow is not installed.
    """
    start = _start(path)
    if not start:
        raise InputError(f"{path.name} is empty")
    found = format or _format(path, start)
    if found == "parquet":
        return ParquetFile(path)
    if start.startswith(PARQUET_MAGIC):
        raise InputError(f"{path.name} is Parquet, not {found}", hint="Say --format parquet.")
    if found == "jsonl":
        return JsonFile(path, encoding=encoding)
    return CsvFile(path, encoding=encoding, delimiter=delimiter, quotes=quotes)


def _start(path: Path) -> bytes:
    """Return how a file begins, out of its compression."""
    with open_bytes(path) as raw:
        try:
            return unpacked(raw).read(1024)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise InputError(f"{path.name} is not whole: {error}") from error


def _format(path: Path, start: bytes) -> str:
    name = path.name.lower().removesuffix(".gz")
    if known := SUFFIXES.get(Path(name).suffix):
        return known
    if start.startswith(PARQUET_MAGIC):
        return "parquet"
    return "jsonl" if start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") else "csv"
