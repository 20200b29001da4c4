"""Alembic: operations on embeddings, and autogenerate that knows them.

Importing this module in ``env.py`` is all that is to be done::

    import sqlembed.alembic  # noqa: F401

Revisions then have ``op.create_embedding``, ``op.alter_embedding``, ``op.drop_embedding``,
``op.create_generation``, ``op.switch_generation``, ``op.rollback_generation``,
``op.abandon_generation``, ``op.drop_generation``, ``op.create_kmeans``, ``op.drop_model``,
``op.create_clustering``, ``op.drop_clustering``,
``op.upgrade_sqlembed`` and ``op.downgrade_sqlembed``.
"""

from __future__ import annotations

from sqlembed.alembic import comparing, execution, installing, rendering, switching
from sqlembed.alembic.clusterings import CreateClusteringOp, DropClusteringOp
from sqlembed.alembic.clusters import CreateKMeansOp, DropModelOp
from sqlembed.alembic.embeddings import AlterEmbeddingOp, CreateEmbeddingOp, DropEmbeddingOp
from sqlembed.alembic.generations import (
    AbandonGenerationOp,
    CreateGenerationOp,
    DropGenerationOp,
    RollbackGenerationOp,
    SwitchGenerationOp,
)
from sqlembed.alembic.installing import DowngradeSqlembedOp, UpgradeSqlembedOp

__all__ = [
    "AbandonGenerationOp",
    "AlterEmbeddingOp",
    "CreateClusteringOp",
    "CreateEmbeddingOp",
    "CreateGenerationOp",
    "CreateKMeansOp",
    "DowngradeSqlembedOp",
    "DropClusteringOp",
    "DropEmbeddingOp",
    "DropGenerationOp",
    "DropModelOp",
    "RollbackGenerationOp",
    "SwitchGenerationOp",
    "UpgradeSqlembedOp",
    "comparing",
    "execution",
    "installing",
    "rendering",
    "switching",
]
