"""Alembic: operations on embeddings, and autogenerate that knows them.

Importing this module in ``env.py`` is all that is to be done::

    import sqlembed.alembic  # noqa: F401

Revisions then have ``op.create_embedding``, ``op.alter_embedding``, ``op.drop_embedding``,
``op.create_kmeans``, ``op.drop_model``, ``op.create_clustering``, ``op.drop_clustering``,
``op.upgrade_sqlembed`` and ``op.downgrade_sqlembed``.
"""

from __future__ import annotations

from sqlembed.alembic import comparing, execution, installing, rendering
from sqlembed.alembic.clusterings import CreateClusteringOp, DropClusteringOp
from sqlembed.alembic.clusters import CreateKMeansOp, DropModelOp
from sqlembed.alembic.embeddings import AlterEmbeddingOp, CreateEmbeddingOp, DropEmbeddingOp
from sqlembed.alembic.installing import DowngradeSqlembedOp, UpgradeSqlembedOp

__all__ = [
    "AlterEmbeddingOp",
    "CreateClusteringOp",
    "CreateEmbeddingOp",
    "CreateKMeansOp",
    "DowngradeSqlembedOp",
    "DropClusteringOp",
    "DropEmbeddingOp",
    "DropModelOp",
    "UpgradeSqlembedOp",
    "comparing",
    "execution",
    "installing",
    "rendering",
]
