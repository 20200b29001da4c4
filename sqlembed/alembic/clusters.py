"""The operations on cluster models: ``op.create_kmeans`` and ``op.drop_model``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from alembic.operations import MigrateOperation, Operations

from sqlembed.alembic.statements import call, run
from sqlembed.clustering import ChooseBy, ClusterMetric


@Operations.register_operation("create_kmeans")
@dataclass(kw_only=True, eq=False)
class CreateKMeansOp(MigrateOperation):
    """Fits a k-means model."""

    name: str
    query: str
    num_clusters: int | None = None
    metric: ClusterMetric = "cosine"
    max_iterations: int = 20
    min_rel_progress: float = 0.01
    seed: int = 0
    standardize: bool = True
    weights: Sequence[float] | None = None
    choose_by: ChooseBy = "silhouette"
    candidates: Sequence[int] | None = None

    @classmethod
    def create_kmeans(
        cls,
        operations: Operations,
        name: str,
        query: str,
        *,
        num_clusters: int | None = None,
        metric: ClusterMetric = "cosine",
        max_iterations: int = 20,
        min_rel_progress: float = 0.01,
        seed: int = 0,
        standardize: bool = True,
        weights: Sequence[float] | None = None,
        choose_by: ChooseBy = "silhouette",
        candidates: Sequence[int] | None = None,
    ) -> None:
        """Fit a k-means model on the vectors that a query yields, and keep it under a name.

        The arguments are those of ``sqlembed.create_kmeans``.

        The vectors must be there: those of an embedding that the same revision declares are not.
        """
        operations.invoke(
            cls(
                name=name,
                query=query,
                num_clusters=num_clusters,
                metric=metric,
                max_iterations=max_iterations,
                min_rel_progress=min_rel_progress,
                seed=seed,
                standardize=standardize,
                weights=weights,
                choose_by=choose_by,
                candidates=candidates,
            )
        )

    def reverse(self) -> DropModelOp:
        return DropModelOp(name=self.name, original=self)

    def to_diff_tuple(self) -> tuple[Any, ...]:
        return ("add_kmeans", self.name, self.query)


@Operations.register_operation("drop_model")
@dataclass(kw_only=True, eq=False)
class DropModelOp(MigrateOperation):
    """Forgets a cluster model."""

    name: str
    original: CreateKMeansOp | None = field(default=None, repr=False)

    @classmethod
    def drop_model(cls, operations: Operations, name: str) -> None:
        """Forget a cluster model."""
        operations.invoke(cls(name=name))

    def reverse(self) -> CreateKMeansOp:
        if self.original is None:
            raise ValueError("what the model was fitted on is not known, so it cannot be reversed")
        return self.original

    def to_diff_tuple(self) -> tuple[Any, ...]:
        return ("remove_model", self.name)


@Operations.implementation_for(CreateKMeansOp)
def _create_kmeans(operations: Operations, operation: CreateKMeansOp) -> None:
    arguments = {name: getattr(operation, name) for name in operation.__dataclass_fields__}
    run(operations, f"SELECT {call('create_kmeans', arguments)}")


@Operations.implementation_for(DropModelOp)
def _drop_model(operations: Operations, operation: DropModelOp) -> None:
    run(operations, f"SELECT {call('drop_model', {'name': operation.name})}")
