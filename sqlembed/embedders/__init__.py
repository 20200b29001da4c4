"""Text to vector: what an embedder is, the registry that names them, and ready-made ones."""

from __future__ import annotations

from sqlembed.embedders.base import Embedder
from sqlembed.embedders.hashing import HashEmbedder
from sqlembed.embedders.registry import Registry
from sqlembed.embedders.sentence_transformers import SentenceTransformerEmbedder

__all__ = ["Embedder", "HashEmbedder", "Registry", "SentenceTransformerEmbedder"]
