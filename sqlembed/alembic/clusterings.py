"""The operations on columns of clusters: ``op.create_clustering`` and ``op.drop_clustering``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from alembic.operations import MigrateOperation, Operations

from sqlembed.alembic.statements import call, relation, run_patiently
from sqlembed.clustering import ChooseBy, ClusterMetric

#: What ``sqlembed.create_clustering`` is given as the operation has it.
ARGUMENTS = (
    "name", "embedding", "cluster_column", "num_clusters", "metric", "seed", "choose_by",
)  # fmt: skip


@Operations.register_operation("create_clustering")
@dataclass(kw_only=True, eq=False)
class CreateClusteringOp(MigrateOperation):
    """Keeps a column of clusters; its reverse leaves the column and what is in it."""

    table_name: str
    name: str
    schema: str | None = None
    embedding: str | None = None
    cluster_column: str = "cluster"
    num_clusters: int | None = None
    metric: ClusterMetric | None = None
    seed: int = 0
    choose_by: ChooseBy = "silhouette"

    @classmethod
    def create_clustering(
        cls,
        operations: Operations,
        table_name: str,
        name: str,
        *,
        schema: str | None = None,
        embedding: str | None = None,
        cluster_column: str = "cluster",
        num_clusters: int | None = None,
        metric: ClusterMetric | None = None,
        seed: int = 0,
        choose_by: ChooseBy = "silhouette",
    ) -> None:
        """Cluster a table, and keep each row's cluster in a column from then on.

        The column is added if it is missing; a model that is to be compared with the table has it
        as an ordinary integer that may be NULL. The arguments are those of
        ``sqlembed.create_clustering``. The vectors must be there: those of an embedding that the
        same revision declares are not.
        """
        operations.invoke(
            cls(
                table_name=table_name,
                name=name,
                schema=schema,
                embedding=embedding,
                cluster_column=cluster_column,
                num_clusters=num_clusters,
                metric=metric,
                seed=seed,
                choose_by=choose_by,
            )
        )

    def reverse(self) -> DropClusteringOp:
        return DropClusteringOp(name=self.name, original=self)

    def to_diff_tuple(self) -> tuple[Any, ...]:
        return ("add_clustering", self.schema, self.table_name, self.name)


@Operations.register_operation("drop_clustering")
@dataclass(kw_only=True, eq=False)
class DropClusteringOp(MigrateOperation):
    """Leaves a column of clusters to itself, and forgets the model."""

    name: str
    keep_column: bool = True
    original: CreateClusteringOp | None = field(default=None, repr=False)

    @classmethod
    def drop_clustering(
        cls, operations: Operations, name: str, *, keep_column: bool = True
    ) -> None:
        """Stop keeping a column of clusters; the column and what is in it stay.

        With ``keep_column=False`` they go as well.
        """
        operations.invoke(cls(name=name, keep_column=keep_column))

    def reverse(self) -> CreateClusteringOp:
        if self.original is None:
            raise ValueError("what was clustered is not known, so it cannot be reversed")
        return self.original

    def to_diff_tuple(self) -> tuple[Any, ...]:
        return ("remove_clustering", self.name)


@Operations.implementation_for(CreateClusteringOp)
def _create_clustering(operations: Operations, operation: CreateClusteringOp) -> None:
    table = relation(operations, operation.table_name, operation.schema)
    arguments = {name: getattr(operation, name) for name in ARGUMENTS}
    run_patiently(
        operations, f"perform {call('create_clustering', {'relation': table} | arguments)}"
    )


@Operations.implementation_for(DropClusteringOp)
def _drop_clustering(operations: Operations, operation: DropClusteringOp) -> None:
    arguments = {"name": operation.name, "keep_column": operation.keep_column}
    run_patiently(operations, f"perform {call('drop_clustering', arguments)}")
