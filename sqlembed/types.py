"""The words of the SQL surface as Python types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

#: What a text is to its embedder; some models embed questions and answers differently.
Kind: TypeAlias = Literal["document", "query"]
#: When a vector follows its source: after commit, or inside the writing transaction.
Timing: TypeAlias = Literal["async", "sync"]
#: What a changed row shows until its new vector is there: NULL, or the old one.
OnChange: TypeAlias = Literal["hide", "keep"]
Metric: TypeAlias = Literal["cosine", "euclidean", "inner_product", "l1"]
#: The pgvector type of the column.
Storage: TypeAlias = Literal["vector", "halfvec"]
#: What an HNSW index is over: whole vectors, one bit a dimension, or the first dimensions alone.
Index: TypeAlias = Literal["hnsw", "binary", "prefix", "none"]
#: Where the vector is: in the row itself, or in the table ``<table>_<embedding>``.
Place: TypeAlias = Literal["row", "side"]
#: How an embedding takes over a column that already holds vectors.
Adopt: TypeAlias = Literal["keep", "check", "recompute"]
#: Which vectors of an embedding: those in use, those to come, or those of before.
Generation: TypeAlias = Literal["current", "next", "previous"]
#: How a search ranks.
Mode: TypeAlias = Literal["vector", "exact", "hybrid", "text"]

# Quoted: numpy takes a third of the time that `import sqlembed` may take.
#: float32, C-contiguous, shape (texts, dimensions), finite.
Vectors: TypeAlias = "NDArray[np.float32]"


class EmbedFunction(Protocol):
    """A function of n texts that returns an array-like of shape (n, dimensions)."""

    def __call__(self, texts: Sequence[str], /) -> ArrayLike: ...
