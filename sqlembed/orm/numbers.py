"""Vectors as one parameter of type ``real[]``, which every driver takes, in binary where it can."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psycopg.abc import Buffer
    from psycopg.adapt import Dumper
    from sqlalchemy import Connection

    from sqlembed.types import Vectors

#: What PostgreSQL calls real and real[], in every database.
REAL, REAL_ARRAY = 700, 1021


@dataclass(frozen=True)
class Numbers:
    """The numbers of vectors, one after the other, for psycopg."""

    vectors: Vectors


def numbers(connection: Connection, vectors: Vectors) -> Any:
    """Returns the numbers of vectors, one after the other, as the driver takes them."""
    import psycopg

    driver = connection.connection.driver_connection
    if isinstance(driver, psycopg.BaseConnection):
        driver.adapters.register_dumper(Numbers, _dumper())
        return Numbers(vectors)
    return vectors.ravel().tolist()


@cache
def _dumper() -> type[Dumper]:
    from psycopg.adapt import Dumper
    from psycopg.pq import Format

    class NumbersDumper(Dumper):
        """Psycopg's own would turn every number into an object first."""

        format = Format.BINARY
        oid = REAL_ARRAY

        def dump(self, obj: Numbers) -> Buffer:
            return binary(obj.vectors)

    return NumbersDumper


def binary(vectors: Vectors) -> bytes:
    """Returns a one-dimensional ``real[]`` in the format that PostgreSQL sends and receives."""
    import numpy as np

    if not vectors.size:
        return struct.pack(">iiI", 0, 0, REAL)
    elements = np.empty(vectors.size, [("size", ">i4"), ("value", ">f4")])
    elements["size"] = 4
    elements["value"] = vectors.ravel()
    return struct.pack(">iiIii", 1, 0, REAL, vectors.size, 1) + elements.tobytes()
