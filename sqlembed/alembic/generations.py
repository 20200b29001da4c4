"""The operations on generations as data: the next one is built, and then takes the place.

A revision cannot wait for workers to embed a table, so another embedder takes two: one creates the
generation, and a later one, once it is filled, switches to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from alembic.operations import MigrateOperation, Operations

from sqlembed.alembic.embeddings import Target
from sqlembed.errors import InputError
from sqlembed.types import Index, Metric, Place, Storage

#: What a generation may have otherwise than the one beside it.
GENERATED = (
    "embedder",
    "dimensions",
    "source",
    "metric",
    "storage",
    "index",
    "index_options",
    "chunking",
)

Beside = Literal["next", "previous"]


@Operations.register_operation("create_generation")
@dataclass(kw_only=True, eq=False)
class CreateGenerationOp(Target, MigrateOperation):
    """Begins a generation beside the present one."""

    #: In what it differs from the present one.
    changes: dict[str, Any]
    rows_per_second: int | None = None
    generation: Beside = "next"

    @classmethod
    def create_generation(
        cls,
        operations: Operations,
        table_name: str,
        embedding: str = "embedding",
        *,
        schema: str | None = None,
        rows_per_second: int | None = None,
        generation: Beside = "next",
        **changes: Any,
    ) -> None:
        """Begin the next generation of an embedding, which workers fill while the table is in use.

        Another ``embedder`` with its ``dimensions``, ``source``, ``metric``, ``storage``,
        ``index``, ``index_options`` or ``chunking``; what is left out stays as it is. Searches go
        on with the present one until ``switch_generation``. Its index is left to that.
        ``generation="previous"`` makes what ``drop_generation`` has dropped.
        """
        if unknown := sorted(changes.keys() - set(GENERATED)):
            raise InputError(
                f"create_generation: unknown argument {unknown[0]!r}",
                hint=f"A generation has its own {', '.join(GENERATED)}.",
            )
        operations.invoke(
            cls(
                table_name=table_name,
                embedding=embedding,
                schema=schema,
                changes={name: changes[name] for name in GENERATED if name in changes},
                rows_per_second=rows_per_second,
                generation=generation,
            )
        )

    def reverse(self) -> DropBesideOp:
        dropped = AbandonGenerationOp if self.generation == "next" else DropGenerationOp
        return dropped(
            table_name=self.table_name,
            embedding=self.embedding,
            schema=self.schema,
            original=self,
        )

    def to_diff_tuple(self) -> tuple[Any, ...]:
        return ("add_generation", self.schema, self.table_name, self.embedding, self.changes)


@dataclass(kw_only=True, eq=False)
class DropBesideOp(Target, MigrateOperation):
    """Drops the generation beside the current one."""

    #: What created it; known to autogenerate alone.
    original: CreateGenerationOp | None = field(default=None, repr=False)

    def reverse(self) -> CreateGenerationOp:
        if self.original is None:
            raise ValueError("what the generation was is not known, so it cannot be reversed")
        return self.original

    def to_diff_tuple(self) -> tuple[Any, ...]:
        return ("remove_generation", self.schema, self.table_name, self.embedding)


@Operations.register_operation("abandon_generation")
class AbandonGenerationOp(DropBesideOp):
    """Gives up the next generation."""

    @classmethod
    def abandon_generation(
        cls,
        operations: Operations,
        table_name: str,
        embedding: str = "embedding",
        *,
        schema: str | None = None,
    ) -> None:
        """Give up the next generation of an embedding; the current one is not touched."""
        operations.invoke(cls(table_name=table_name, embedding=embedding, schema=schema))


@Operations.register_operation("drop_generation")
class DropGenerationOp(DropBesideOp):
    """Drops the previous generation."""

    @classmethod
    def drop_generation(
        cls,
        operations: Operations,
        table_name: str,
        embedding: str = "embedding",
        *,
        schema: str | None = None,
    ) -> None:
        """Drop the previous generation of an embedding, which is kept up to date no more."""
        operations.invoke(cls(table_name=table_name, embedding=embedding, schema=schema))


@dataclass(kw_only=True, eq=False)
class ExchangeOp(Target, MigrateOperation):
    """Lets the generation beside the current one take its place."""

    #: What it is like, which a script cannot ask: needed to build its index.
    dimensions: int | None = None
    metric: Metric = "cosine"
    storage: Storage | None = None
    index: Index = "hnsw"
    index_options: Mapping[str, int] | None = None
    place: Place = "row"


@Operations.register_operation("switch_generation")
@dataclass(kw_only=True, eq=False)
class SwitchGenerationOp(ExchangeOp):
    """Makes the next generation the current one."""

    @classmethod
    def switch_generation(
        cls,
        operations: Operations,
        table_name: str,
        embedding: str = "embedding",
        *,
        schema: str | None = None,
        **generation: Any,
    ) -> None:
        """Make the next generation of an embedding the current one; an error while rows wait.

        First its index is built where it is missing, in an autocommit block: what stands before it
        in the revision is committed. A script of ``--sql`` cannot ask what the generation is like,
        and so needs its ``dimensions``, ``metric``, ``storage``, ``index``, ``index_options`` and
        ``place`` where they are not default. With ``index="none"`` it builds none.
        """
        operations.invoke(
            cls(table_name=table_name, embedding=embedding, schema=schema, **_known(generation))
        )

    def reverse(self) -> RollbackGenerationOp:
        return RollbackGenerationOp(
            table_name=self.table_name, embedding=self.embedding, schema=self.schema
        )

    def to_diff_tuple(self) -> tuple[Any, ...]:
        return ("switch_generation", self.schema, self.table_name, self.embedding)


@Operations.register_operation("rollback_generation")
@dataclass(kw_only=True, eq=False)
class RollbackGenerationOp(ExchangeOp):
    """Makes the previous generation the current one again."""

    #: It has its index since it was current.
    index: Index = "none"

    @classmethod
    def rollback_generation(
        cls,
        operations: Operations,
        table_name: str,
        embedding: str = "embedding",
        *,
        schema: str | None = None,
        **generation: Any,
    ) -> None:
        """Make the previous generation of an embedding the current one again.

        As ``switch_generation``, the other way round; what was current is the next one. A script
        takes it that the index is there, unless it is told ``index``.
        """
        operations.invoke(
            cls(table_name=table_name, embedding=embedding, schema=schema, **_known(generation))
        )

    def reverse(self) -> SwitchGenerationOp:
        # It had its index when it was current.
        return SwitchGenerationOp(
            table_name=self.table_name,
            embedding=self.embedding,
            schema=self.schema,
            index="none",
        )

    def to_diff_tuple(self) -> tuple[Any, ...]:
        return ("rollback_generation", self.schema, self.table_name, self.embedding)


_DESCRIBING = ("dimensions", "metric", "storage", "index", "index_options", "place")


def _known(generation: Mapping[str, Any]) -> Mapping[str, Any]:
    if unknown := sorted(generation.keys() - set(_DESCRIBING)):
        raise InputError(
            f"unknown argument {unknown[0]!r}",
            hint=f"What a generation is like is said by {', '.join(_DESCRIBING)}.",
        )
    return generation
