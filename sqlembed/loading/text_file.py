"""Lines of text out of a file: compressed or not, decoded, with its mistakes named by line."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from sqlembed.errors import InputError

GZIP_MAGIC = b"\x1f\x8b"

# What else people give to a loader, by its first bytes.
STRANGERS = {
    b"PK\x03\x04": ("a zip archive or an Excel workbook", "Unpack it, or save the sheet as CSV."),
    b"\x28\xb5\x2f\xfd": ("compressed with zstd", "Unpack it first: zstd -d {name}"),
    b"BZh": ("compressed with bzip2", "Unpack it first: bunzip2 {name}"),
    b"\xfd7zXZ": ("compressed with xz", "Unpack it first: xz -d {name}"),
    b"SQLite format 3": ("a SQLite database", "Export the table: sqlite3 -csv -header …"),
    b"%PDF": ("a PDF", "Give CSV, JSON Lines or Parquet."),
}

UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class TextFile:
    """A text file that may be compressed with gzip.

    Args:
        path: the file.
        encoding: of its text; a byte order mark is taken off.

    Raises:
        InputError: there is no such encoding.
    """

    def __init__(self, path: Path, encoding: str = "utf-8") -> None:
        self.path = path
        try:
            name = codecs.lookup(encoding).name
        except LookupError as error:
            raise InputError(
                f"there is no encoding {encoding!r}", hint="Try utf-8, cp1252 or utf-16."
            ) from error
        self.encoding = "utf-8-sig" if name == "utf-8" else name

    @contextmanager
    def open(self) -> Iterator[tuple[IO[str], IO[bytes]]]:
        """Open it; yields its text and the bytes under it, whose ``tell`` says how far one is.

        Raises:
            InputError: it is not text of this encoding, or its compression is broken.
        """
        with open_bytes(self.path) as raw:
            refuse_strangers(self.path, raw.peek(16))
            if raw.peek(2).startswith(UTF16_MARKS) and self.encoding == "utf-8-sig":
                raise InputError(
                    f"{self.path.name} is UTF-16, not UTF-8", hint="Say --encoding utf-16."
                )
            try:
                # Line ends as they are: a quoted CSV field may hold them.
                with io.TextIOWrapper(unpacked(raw), encoding=self.encoding, newline="") as text:
                    yield text, raw
            except UnicodeDecodeError as error:
                raise self._undecodable(error) from error
            except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                raise InputError(f"{self.path.name} is not whole: {error}") from error

    def _undecodable(self, error: UnicodeDecodeError) -> InputError:
        name = self.encoding.removesuffix("-sig").upper()
        where = self._first_undecodable_line()
        byte = error.object[error.start : error.start + 1].hex()
        hint = "Say --encoding cp1252 if it comes from Windows, latin-1 if from an old system."
        if name != "UTF-8":
            hint = "Say with --encoding what it is."
        return InputError(
            f"{self.path.name}, line {where}: not {name} (byte 0x{byte})"
            if where
            else f"{self.path.name}: not {name}: {error.reason}",
            hint=hint,
        )

    def _first_undecodable_line(self) -> int | None:
        """Return where it is; only encodings whose line end is one byte have lines to look at."""
        if self.encoding.startswith(("utf-16", "utf-32")):
            return None
        with open_bytes(self.path) as raw:
            for number, line in enumerate(unpacked(raw), start=1):
                try:
                    line.decode(self.encoding)
                except UnicodeDecodeError:
                    return number
        return None


def open_bytes(path: Path) -> io.BufferedReader:
    """Open a regular file.

    Raises:
        InputError: it is missing, a folder, a pipe, or not readable.
    """
    try:
        if path.exists() and not path.is_file():
            raise InputError(
                f"{path} is {'a folder' if path.is_dir() else 'not a regular file'}",
                hint="It is read twice, so save what a pipe or device says in a file first.",
            )
        return path.open("rb")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error


def unpacked(raw: io.BufferedReader) -> gzip.GzipFile | io.BufferedReader:
    """Return the bytes, out of gzip if they are in it."""
    return gzip.GzipFile(fileobj=raw) if raw.peek(2).startswith(GZIP_MAGIC) else raw


def refuse_strangers(path: Path, start: bytes) -> None:
    """Refuse a file that begins like something a loader cannot read."""
    for magic, (what, hint) in STRANGERS.items():
        if start.startswith(magic):
            raise InputError(f"{path.name} is {what}", hint=hint.format(name=path.name))
