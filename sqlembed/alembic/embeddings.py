"""The operations on embeddings as data: what they say, what undoes them, how they compare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from alembic.operations import MigrateOperation, Operations

from sqlembed.errors import InputError
from sqlembed.types import Adopt, Index, Metric, OnChange, Place, Storage, Timing

#: What ``alter_embedding`` can change, in the order in which it is rendered.
ALTERABLE = (
    "embedder",
    "dimensions",
    "source",
    "timing",
    "on_change",
    "metric",
    "storage",
    "index",
    "index_options",
    "full_text",
    "chunking",
)

#: What decides the index of an embedding.
INDEXED = ("metric", "index", "index_options")

#: Changes that make the column anew.
EMPTYING = ("embedder", "dimensions", "storage")


@dataclass(kw_only=True, eq=False)
class Target:
    """Which embedding an operation is about."""

    table_name: str
    embedding: str = "embedding"
    schema: str | None = None


@Operations.register_operation("create_embedding")
@dataclass(kw_only=True, eq=False)
class CreateEmbeddingOp(Target, MigrateOperation):
    """Declares an embedding; its reverse keeps the column and its vectors."""

    embedder: str
    source: str
    dimensions: int | None = None
    timing: Timing = "async"
    on_change: OnChange = "hide"
    metric: Metric = "cosine"
    storage: Storage | None = None
    index: Index = "hnsw"
    index_options: Mapping[str, int] | None = None
    place: Place = "row"
    chunking: Mapping[str, Any] | None = None
    adopt: Adopt = "keep"
    full_text: str | None = None
    concurrently: bool = False
    #: Whether the reverse keeps the column, or the side table.
    keep_column: bool = field(default=True, repr=False)

    @classmethod
    def create_embedding(
        cls,
        operations: Operations,
        table_name: str,
        embedder: str,
        source: str,
        *,
        embedding: str = "embedding",
        schema: str | None = None,
        dimensions: int | None = None,
        timing: Timing = "async",
        on_change: OnChange = "hide",
        metric: Metric = "cosine",
        storage: Storage | None = None,
        index: Index = "hnsw",
        index_options: Mapping[str, int] | None = None,
        place: Place = "row",
        chunking: Mapping[str, Any] | None = None,
        adopt: Adopt = "keep",
        full_text: str | None = None,
        concurrently: bool = False,
    ) -> None:
        """Keep a vector column up to date with a source expression over its row.

        The column is added if it is missing. The arguments are those of
        ``sqlembed.create_embedding``; with ``dimensions``, the embedder need not be registered yet.
        ``concurrently`` builds the index while the table is written to, in an autocommit block:
        what stands before it in the revision is committed.
        """
        given = {name: value for name, value in locals().items() if name in _CREATE_FIELDS}
        operations.invoke(cls(**given))

    @property
    def is_beside(self) -> bool:
        """Whether the vectors stand in a side table."""
        return self.place == "side" or self.chunking is not None

    def reverse(self) -> DropEmbeddingOp:
        return DropEmbeddingOp(
            table_name=self.table_name,
            embedding=self.embedding,
            schema=self.schema,
            keep_column=self.keep_column,
            original=self,
        )

    def to_diff_tuple(self) -> tuple[Any, ...]:
        return ("add_embedding", self.schema, self.table_name, self.embedding)


_CREATE_FIELDS = {item.name for item in fields(CreateEmbeddingOp)} - {"keep_column"}


@Operations.register_operation("drop_embedding")
@dataclass(kw_only=True, eq=False)
class DropEmbeddingOp(Target, MigrateOperation):
    """Takes a declaration back."""

    keep_column: bool = True
    #: What declared it; known to autogenerate alone.
    original: CreateEmbeddingOp | None = field(default=None, repr=False)

    @classmethod
    def drop_embedding(
        cls,
        operations: Operations,
        table_name: str,
        embedding: str = "embedding",
        *,
        schema: str | None = None,
        keep_column: bool = True,
    ) -> None:
        """Stop keeping a vector column up to date; the column and its vectors stay.

        With ``keep_column=False`` they go as well.
        """
        operations.invoke(
            cls(table_name=table_name, embedding=embedding, schema=schema, keep_column=keep_column)
        )

    def reverse(self) -> CreateEmbeddingOp:
        if self.original is None:
            raise ValueError("what the embedding was is not known, so its drop cannot be reversed")
        return self.original

    def to_diff_tuple(self) -> tuple[Any, ...]:
        return ("remove_embedding", self.schema, self.table_name, self.embedding)


@Operations.register_operation("alter_embedding")
@dataclass(kw_only=True, eq=False)
class AlterEmbeddingOp(Target, MigrateOperation):
    """Changes how an embedding is kept."""

    #: What it is to be; what is not in it stays.
    changes: dict[str, Any]
    #: What it was, of the changes and of what the index needs.
    existing: dict[str, Any]
    concurrently: bool = False

    @classmethod
    def alter_embedding(
        cls,
        operations: Operations,
        table_name: str,
        embedding: str = "embedding",
        *,
        schema: str | None = None,
        concurrently: bool = False,
        **options: Any,
    ) -> None:
        """Change how a vector column is kept, by the cheapest operation that does it.

        Another ``source`` queues all rows, whose vectors stay meanwhile; ``timing`` and
        ``on_change`` make the triggers anew; ``metric``, ``index`` and ``index_options`` build the
        new index and then drop the old one; ``embedder``, with its ``dimensions``, and ``storage``
        make the column anew, empty, and queue all rows. ``full_text=""`` takes the full text off.

        ``existing_metric`` and so on say what it was. With ``concurrently``, the new index is built
        while the table is written to, in an autocommit block, and needs ``existing_storage`` and,
        where they do not change, what else decides the index and is not default.
        """
        known = {*ALTERABLE, *(f"existing_{name}" for name in ALTERABLE)}
        if unknown := sorted(options.keys() - known):
            raise InputError(
                f"alter_embedding: unknown argument {unknown[0]!r}",
                hint=f"It changes {', '.join(ALTERABLE)}. For the rest, drop and create it.",
            )
        changes = {name: options[name] for name in ALTERABLE if options.get(name) is not None}
        if not changes:
            raise InputError(
                "alter_embedding: nothing is changed",
                hint=f"Say one of {', '.join(ALTERABLE)}.",
            )
        operations.invoke(
            cls(
                table_name=table_name,
                embedding=embedding,
                schema=schema,
                changes=changes,
                existing={
                    name.removeprefix("existing_"): value
                    for name, value in options.items()
                    if name.startswith("existing_")
                },
                concurrently=concurrently,
            )
        )

    def exchanges_index(self) -> bool:
        """Whether another index comes in the place of one that is full of vectors."""
        index = self.changes.get("index", self.existing.get("index"))
        is_emptied = any(name in self.changes for name in EMPTYING)
        return index != "none" and not is_emptied and any(name in self.changes for name in INDEXED)

    def reverse(self) -> AlterEmbeddingOp:
        if missing := [name for name in self.changes if name not in self.existing]:
            raise ValueError(f"existing_{missing[0]} is not known, so it cannot be reversed")
        return AlterEmbeddingOp(
            table_name=self.table_name,
            embedding=self.embedding,
            schema=self.schema,
            changes={name: self.existing[name] for name in self.changes},
            existing=self.existing | self.changes,
            concurrently=self.concurrently,
        )

    def to_diff_tuple(self) -> tuple[Any, ...]:
        return (
            "modify_embedding",
            self.schema,
            self.table_name,
            self.embedding,
            {name: (self.existing.get(name), value) for name, value in self.changes.items()},
        )
