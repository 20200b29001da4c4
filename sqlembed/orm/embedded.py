"""``Embedded`` says in a model that a column is kept as the embedding of its row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from pgvector.sqlalchemy import HALFVEC, VECTOR
from sqlalchemy import Column, FromClause, event
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import MappedColumn, Mapper
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import NullType, TypeDecorator, TypeEngine

from sqlembed.errors import InputError
from sqlembed.types import Adopt, Index, Metric, OnChange, Place, Storage, Timing

_dialect_class: Any = postgresql.dialect
POSTGRESQL = _dialect_class()

#: Key of the ``Embedded`` in ``Column.info``.
INFO = "sqlembed"

_CHOICES: dict[str, Any] = {
    "timing": Timing,
    "on_change": OnChange,
    "metric": Metric,
    "storage": Storage,
    "index": Index,
    "place": Place,
    "adopt": Adopt,
}
#: Arguments that its ``repr`` shows.
_SAID = (
    "timing",
    "on_change",
    "metric",
    "storage",
    "index",
    "index_options",
    "place",
    "chunking",
    "full_text",
)


@dataclass(frozen=True, repr=False)
class Embedded(SchemaItem):
    """Keeps a vector column up to date with a SQL expression over its row.

    It stands in a ``Column`` or ``mapped_column`` of type ``VECTOR`` or ``HALFVEC``, as
    ``Computed`` and ``Identity`` do. ``metadata.create_all`` then declares the embedding in the
    database, where it holds for every writer, and ``drop_all`` takes it back. The column stays an
    ordinary one: it may be written, and is read as it stands. Once an object has been written, its
    vector is read anew; an ``AsyncSession`` does so by ``awaitable_attrs`` or ``refresh``.

    Example::

        class Article(Base):
            __tablename__ = "article"
            id: Mapped[int] = mapped_column(primary_key=True)
            title: Mapped[str]
            embedding: Mapped[list[float] | None] = mapped_column(
                VECTOR(384), Embedded("minilm", source="title"), deferred=True
            )

    Args:
        embedder: name of the embedder that makes the vectors.
        source: SQL expression over the row that is embedded; column names, not attribute names.
        timing: when a vector follows its source: after commit, or in the writing transaction.
        on_change: what a changed row shows until its new vector is there: NULL, or the old one.
        metric: distance that searches use.
        storage: the pgvector type; ``None`` is what the column's type says.
        index: kind of index; ``"binary"`` is over one bit a dimension, ``"prefix"`` over the first
            dimensions alone, and what they find is ranked by all of the vector.
        index_options: ``{"m": 24, "ef_construction": 128}``, and for ``"prefix"`` how many
            ``"dimensions"``.
        place: where the vectors are: in the row itself, or in a table beside it.
        chunking: how long texts are cut into chunks, as ``{"tokens": 256, "overlap": 32}``, whose
            vectors are in a table beside, which ``chunks`` maps; ``None`` is not at all.
        adopt: how a column that already holds vectors is taken over: ``keep``, ``check`` a sample
            by computing it again, which takes a worker, or ``recompute``.
        full_text: language, as ``"english"``, in which the words of the source are kept as well,
            for hybrid searches: in a column that the model need not have.

    Raises:
        InputError: an argument, or the type of the column, that cannot be.
    """

    embedder: str
    source: str = field(kw_only=True)
    timing: Timing = field(default="async", kw_only=True)
    on_change: OnChange = field(default="hide", kw_only=True)
    metric: Metric = field(default="cosine", kw_only=True)
    storage: Storage | None = field(default=None, kw_only=True)
    index: Index = field(default="hnsw", kw_only=True)
    index_options: Mapping[str, int] | None = field(default=None, kw_only=True, hash=False)
    place: Place = field(default="row", kw_only=True)
    chunking: Mapping[str, Any] | None = field(default=None, kw_only=True, hash=False)
    adopt: Adopt = field(default="keep", kw_only=True)
    full_text: str | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        for name in ("embedder", "source", "full_text"):
            value: object = getattr(self, name)
            if name == "full_text" and value is None:
                continue
            if not isinstance(value, str) or not value.strip() or "\0" in value:
                raise InputError(f"Embedded: {name} must be a text, not {value!r}")
        for name, choice in _CHOICES.items():
            value = getattr(self, name)
            if value not in get_args(choice) and not (name == "storage" and value is None):
                allowed = ", ".join(map(repr, get_args(choice)))
                raise InputError(f"Embedded: {name} is one of {allowed}, not {value!r}")
        for name in ("chunking", "index_options"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, Mapping):
                raise InputError(f"Embedded: {name} must be a mapping, not {value!r}")

    def __repr__(self) -> str:
        given = [repr(self.embedder), f"source={self.source!r}"]
        given += [
            f"{name}={getattr(self, name)!r}"
            for name in _SAID
            if getattr(self, name) != getattr(type(self), name)
        ]
        return f"Embedded({', '.join(given)})"

    def __reduce__(self) -> tuple[Any, ...]:
        # Only the arguments: SQLAlchemy leaves a dispatcher on every item that it attaches.
        state = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return _restored, (type(self), state)

    def _set_parent(self, parent: Any, **_: Any) -> None:
        if not isinstance(parent, Column):
            raise InputError("Embedded stands in a Column or mapped_column, beside its type")
        if parent.info.get(INFO, self) != self:
            raise InputError("a column has one Embedded")
        if not isinstance(parent.type, NullType):
            self.check(parent)
        # Copies of a column carry its info and nothing that they do not know.
        parent.info[INFO] = self
        _mark(parent, self)

    def _copy(self, **_: Any) -> Embedded:
        return self

    def check(self, column: Column[Any]) -> Storage:
        """Returns the pgvector type that the column is stored as.

        Raises:
            InputError: it is no ``VECTOR`` or ``HALFVEC`` with dimensions, is another one than
                ``storage``, or may not be NULL.
        """
        where = f"Embedded: column {column.name or ''!r}"
        kind = in_postgresql(column.type)
        if not isinstance(kind, (VECTOR, HALFVEC)) or kind.dim is None:
            raise InputError(
                f"{where} is of type {column.type!r}",
                hint="Give it VECTOR(384) or HALFVEC(384), with the embedder's dimensions.",
            )
        storage: Storage = "vector" if isinstance(kind, VECTOR) else "halfvec"
        if self.storage not in (None, storage):
            raise InputError(
                f"{where} is of type {column.type!r}, not {self.storage}",
                hint="Leave storage out: the column's type says it.",
            )
        if not column.nullable:
            raise InputError(
                f"{where} may not be NULL, as it is until its vector has been computed",
                hint="Write Mapped[... | None], or nullable=True.",
            )
        return storage


def embedded_columns(table: FromClause) -> Iterator[tuple[Column[Any], Embedded]]:
    """Yields the embedded columns of a table, in their order."""
    for column in table.columns:
        if isinstance(column, Column) and (embedded := embedded_in(column)) is not None:
            yield column, embedded


def embedded_in(column: Column[Any]) -> Embedded | None:
    """Returns what is declared for a column, ``None`` where it is an ordinary one."""
    # `Column.info` would make an empty dictionary for every column it is asked of.
    embedded = column.__dict__.get("info", {}).get(INFO)
    return embedded if isinstance(embedded, Embedded) else None


class _MarkedKeys(set[Any]):
    """The foreign keys of a column, which also say with which ``Embedded`` it was written.

    With ``use_existing_column``, SQLAlchemy replaces a sibling's column by that of the table and
    keeps only its set of foreign keys, so this is where a difference can still be seen.
    """

    embedded: Embedded | None = None


@event.listens_for(Mapper, "instrument_class")
def _check_mapping(mapper: Mapper[Any], class_: type[Any]) -> None:
    """Refuses a column that is declared in two ways, of which one would win silently."""
    for column, embedded in embedded_columns(mapper.local_table):
        embedded.check(column)
        _check_same(class_, column.name, _marked(column.foreign_keys), embedded)
        # An Annotated type gives a column its info alone, and would replace it for the next class.
        _mark(column, embedded)
    if mapper.inherits is None or not mapper.single:
        return
    for column, embedded in embedded_columns(mapper.local_table):
        _check_same(class_, column.name, _written(class_, column.name), embedded)


def _written(class_: type[Any], name: str) -> Embedded | None:
    """Returns what a class says of a column, though SQLAlchemy has replaced it by its table's."""
    for ancestor in class_.__mro__:
        for key, value in vars(ancestor).items():
            if isinstance(value, MappedColumn) and name in (key, value.column.name):
                # A mixin's column is whole, that of the class itself only marked.
                whole = embedded_in(value.column) if ancestor is not class_ else None
                if (found := whole or _marked(value.foreign_keys)) is not None:
                    return found
    return None


def _check_same(class_: type[Any], name: str, one: Embedded | None, other: Embedded) -> None:
    if one is not None and one != other:
        raise InputError(
            f"Embedded: {class_.__name__}.{name} is declared in two ways: {one!r} and {other!r}",
            hint="A column has one embedding, whichever classes share it.",
        )


def _mark(column: Column[Any], embedded: Embedded) -> None:
    column.foreign_keys = keys = _MarkedKeys(column.foreign_keys)
    keys.embedded = embedded


def _marked(foreign_keys: Any) -> Embedded | None:
    return foreign_keys.embedded if isinstance(foreign_keys, _MarkedKeys) else None


def _restored(class_: type[Embedded], arguments: dict[str, Any]) -> Embedded:
    return class_(**arguments)


def in_postgresql(type_: TypeEngine[Any]) -> TypeEngine[Any]:
    """Returns the type that a column has in PostgreSQL, without decorators."""
    found = type_.dialect_impl(POSTGRESQL)
    while isinstance(found, TypeDecorator):
        found = found.impl_instance
    return found
