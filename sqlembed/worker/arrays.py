"""Arrays on the wire: thousands of elements at a time, in binary."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import psycopg
from psycopg.adapt import Dumper, Loader
from psycopg.pq import Format
from psycopg.types import TypeInfo

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from numpy.typing import NDArray
    from psycopg.abc import Buffer

    from sqlembed.types import Vectors


@dataclass(frozen=True)
class KeyArray:
    """Keys, as the server wrote them, as a parameter ``%b`` of type ``jsonb[]``."""

    keys: Sequence[str]


@dataclass(frozen=True)
class HashArray:
    """Digests as a parameter ``%b`` of type ``bytea[]``."""

    hashes: Sequence[bytes]


@dataclass(frozen=True)
class VectorArray:
    """Vectors of one length as a parameter ``%b`` of type ``vector[]``."""

    rows: Vectors | Sequence[NDArray[np.float32]]


def register_arrays(connection: psycopg.Connection[Any]) -> None:
    """Send these arrays, and take vectors in binary, as float32 arrays.

    Raises:
        psycopg.ProgrammingError: the search_path of the connection leads to no type ``vector``.
    """
    for kind, base, name in (
        (KeyArray, _KeyArrayDumper, "jsonb"),
        (HashArray, _HashArrayDumper, "bytea"),
        (VectorArray, _VectorArrayDumper, "vector"),
    ):
        info = TypeInfo.fetch(connection, name)
        if info is None:
            raise psycopg.ProgrammingError(f"type {name} not found in the database")
        dumper = type(base.__name__, (base,), {"oid": info.array_oid, "element": info.oid})
        connection.adapters.register_dumper(kind, dumper)
        if kind is VectorArray:
            connection.adapters.register_loader(info.oid, _VectorLoader)


class _ArrayDumper(Dumper):
    format = Format.BINARY
    element: int

    def array(self, count: int, elements: bytes) -> Buffer:
        if not count:
            return struct.pack(">iiI", 0, 0, self.element)
        return struct.pack(">iiIii", 1, 0, self.element, count, 1) + elements


class _KeyArrayDumper(_ArrayDumper):
    def dump(self, obj: KeyArray) -> Buffer:
        texts = [key.encode() for key in obj.keys]
        # Each begins with the number of jsonb's binary format.
        elements = [struct.pack(">ib", 1 + len(text), 1) + text for text in texts]
        return self.array(len(elements), b"".join(elements))


class _HashArrayDumper(_ArrayDumper):
    def dump(self, obj: HashArray) -> Buffer:
        elements = [struct.pack(">i", len(digest)) + digest for digest in obj.hashes]
        return self.array(len(elements), b"".join(elements))


class _VectorArrayDumper(_ArrayDumper):
    def dump(self, obj: VectorArray) -> Buffer:
        if not len(obj.rows):
            return self.array(0, b"")
        dimensions = len(obj.rows[0])
        element = np.dtype(
            [
                ("size", ">i4"),
                ("dimensions", ">i2"),
                ("unused", ">i2"),
                ("values", ">f4", (dimensions,)),
            ]
        )
        # Written where they are sent from: megabytes would be copied several times.
        head = self.array(len(obj.rows), b"")
        buffer = bytearray(len(head) + len(obj.rows) * element.itemsize)
        buffer[: len(head)] = head
        elements = np.frombuffer(buffer, element, offset=len(head))
        elements["size"] = element.itemsize - 4
        elements["dimensions"] = dimensions
        elements["values"] = obj.rows
        return buffer


class _VectorLoader(Loader):
    format = Format.BINARY

    def load(self, data: Buffer) -> NDArray[np.float32]:
        return np.frombuffer(data, ">f4", offset=4).astype(np.float32)
