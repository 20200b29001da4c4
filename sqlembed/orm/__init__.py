"""SQLAlchemy: embeddings in models, vectors in statements, searches as selectables."""

from __future__ import annotations

from sqlembed.orm import ddl, refresh
from sqlembed.orm.chunk_classes import Chunk, chunks
from sqlembed.orm.embedded import Embedded
from sqlembed.orm.hits import Hits, search
from sqlembed.orm.session import attach
from sqlembed.orm.statements import embed

__all__ = ["Chunk", "Embedded", "Hits", "attach", "chunks", "ddl", "embed", "refresh", "search"]
