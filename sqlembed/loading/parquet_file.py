"""Parquet, whose columns have types already; needs pyarrow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from sqlembed.errors import ConfigError, InputError
from sqlembed.loading.json_file import writer_for
from sqlembed.loading.rows import Column, Contents, RowFile, Tell

#: Rows decoded at once.
BATCH = 1_000


class ParquetFile(RowFile):
    """A Parquet file; nested columns become jsonb.

    Args:
        path: the file.

    Raises:
        ConfigError: pyarrow is not installed.
    """

    counted: ClassVar[str] = "row"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        try:
            import pyarrow.parquet
        except ImportError as error:
            raise ConfigError(
                "reading Parquet needs pyarrow", hint="pip install 'sqlembed[parquet]'"
            ) from error
        self._parquet = pyarrow.parquet

    def scan(self, tell: Tell) -> Contents:
        """Read what the file says of itself; the rows are left alone."""
        with self._opened() as file:
            schema = file.schema_arrow
            names = self.checked_columns(schema.names, None)
            columns = [
                Column(name, _sql_type(field.type))
                for name, field in zip(names, schema, strict=True)
            ]
            tell(self.size)
            return Contents(columns, file.metadata.num_rows)

    def rows(
        self, columns: Sequence[str], types: Sequence[str], tell: Tell
    ) -> Iterator[tuple[int, Sequence[Any]]]:
        """Yield every row as its number and its values."""
        writers = [writer_for(kind) for kind in types]
        number = 0
        with self._opened() as file:
            for batch in file.iter_batches(batch_size=BATCH, columns=list(columns)):
                found = [_values(batch.column(name)) for name in columns]
                for row in zip(*found, strict=True):
                    number += 1
                    yield (
                        number,
                        [
                            None if value is None else write(self._storable(number, value))
                            for write, value in zip(writers, row, strict=True)
                        ],
                    )
                tell(self.size * number // max(file.metadata.num_rows, 1))
            tell(self.size)

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        from pyarrow import ArrowException

        try:
            with self._parquet.ParquetFile(self.path) as file:
                yield file
        except (ArrowException, OSError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"cannot read {self.path.name} as Parquet: {reason}") from error

    def _storable(self, row: int, value: Any) -> Any:
        if isinstance(value, str) and "\0" in value:
            raise self.error(row, "it holds NUL, which PostgreSQL cannot store")
        return value


def _values(column: Any) -> list[Any]:
    """Return a column as Python objects that psycopg can write."""
    import pyarrow

    kind = column.type
    # Python has microseconds only, and so has PostgreSQL.
    if pyarrow.types.is_timestamp(kind) and kind.unit == "ns":
        column = column.cast(pyarrow.timestamp("us", kind.tz), safe=False)
    elif pyarrow.types.is_duration(kind) and kind.unit == "ns":
        column = column.cast(pyarrow.duration("us"), safe=False)
    elif _sql_type(kind) == "text":
        return [None if value is None else str(value) for value in column.to_pylist()]
    values: list[Any] = column.to_pylist()
    return values


def _sql_type(kind: Any) -> str:
    """Return the PostgreSQL type that holds every value of an Arrow type."""
    from pyarrow import types

    if types.is_dictionary(kind):
        return _sql_type(kind.value_type)
    if types.is_integer(kind):
        unsigned = types.is_unsigned_integer(kind)
        bits = kind.bit_width + (1 if unsigned else 0)
        return "integer" if bits <= 32 else "bigint" if bits <= 64 else "numeric"
    if types.is_timestamp(kind):
        return "timestamp" if kind.tz is None else "timestamptz"
    known = {
        "boolean": types.is_boolean,
        "double precision": types.is_float64,
        "real": types.is_floating,
        "numeric": types.is_decimal,
        "date": types.is_date,
        "time": types.is_time,
        "interval": types.is_duration,
        "bytea": lambda kind: (
            types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind)
        ),
        "jsonb": types.is_nested,
    }
    return next((name for name, check in known.items() if check(kind)), "text")
