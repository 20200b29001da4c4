"""Names of tables as a user writes them: ``report``, ``weather.report``, ``"Wind report"``."""

from __future__ import annotations

import re
import string
from typing import NamedTuple

from psycopg import sql

from sqlembed.errors import InputError

#: PostgreSQL cuts longer names off, which could make two of them one.
MAX_NAME_BYTES = 63

# A quoted part, in which "" stands for one quotation mark, or a part without dots and marks.
PART = re.compile(r'"((?:[^"]|"")+)"|([^".]+)')

# As PostgreSQL folds them: other alphabets stay.
LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


class TableName(NamedTuple):
    """A table, and its schema where the user named one."""

    schema: str | None
    name: str

    @property
    def identifier(self) -> sql.Identifier:
        """The name for SQL, every part quoted."""
        return sql.Identifier(*(part for part in self if part is not None))

    def __str__(self) -> str:
        return ".".join(quoted(part) for part in self if part is not None)


def parse_table_name(text: str) -> TableName:
    """Read a name as PostgreSQL does: without quotation marks, capitals are small letters.

    Raises:
        InputError: the text is not one name, or one with a schema before it.
    """
    parts = []
    position = 0
    while found := PART.match(text, position):
        marked, plain = found.groups()
        name = marked.replace('""', '"') if marked else plain.strip().translate(LOWER)
        parts.append(checked_name(name, "a table's name"))
        position = found.end() + 1
        if not text.startswith(".", found.end()):
            break
    if len(parts) not in (1, 2) or position <= len(text):
        raise InputError(
            f"{text!r} is not a table's name",
            hint='Write table or schema.table; "…" around a name with a dot or capitals in it.',
        )
    return TableName(*parts) if len(parts) == 2 else TableName(None, *parts)


def checked_name(name: str, what: str) -> str:
    """Return a name that PostgreSQL can keep as it is.

    Raises:
        InputError: it is empty, too long, or cannot be stored; ``what`` begins the message.
    """
    if not name:
        raise InputError(f"{what} is empty")
    if "\0" in name or any("\ud800" <= character <= "\udfff" for character in name):
        raise InputError(f"{what} holds NUL or half a character: {name!r}")
    if (size := len(name.encode())) > MAX_NAME_BYTES:
        raise InputError(
            f"{what} has {size} bytes, PostgreSQL keeps {MAX_NAME_BYTES}: {name!r}",
            hint="Shorten it.",
        )
    return name


def quoted(name: str) -> str:
    """Return the name as one writes it in SQL, in quotation marks only where it looks odd."""
    if re.fullmatch(r"[a-z_][a-z0-9_]*", name):
        return name
    return '"' + name.replace('"', '""') + '"'
