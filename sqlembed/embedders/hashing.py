"""An embedder without a model: offline, deterministic, good enough to try things out."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from sqlembed.embedders.base import Embedder, checked_dimensions
from sqlembed.types import Kind, Vectors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: How much the text as a whole counts beside its words.
WHOLE_TEXT_WEIGHT = 0.05


class HashEmbedder(Embedder):
    """Unit vectors made of the words' hashes; the same on every machine, for ever.

    Every word has a random direction and a text's vector is the sum of its words', so texts
    that share words are nearer than texts that share none. That is an average: with 8
    dimensions two unrelated texts can be near by chance, with 64 or more hardly. Upper and lower
    case, punctuation and order count little, but different texts have different vectors.

    Args:
        name: what SQL calls it.
        dimensions: length of its vectors.
        version: another version has other vectors and another fingerprint.
        batch_size: how many texts a worker gives one call.
    """

    def __init__(
        self, name: str = "hash", dimensions: int = 8, *, version: str = "1", batch_size: int = 64
    ) -> None:
        super().__init__(name, batch_size=batch_size)
        self._dimensions = checked_dimensions(dimensions)
        self._version = version

    @property
    def dimensions(self) -> int:
        """Length of its vectors."""
        return self._dimensions

    @property
    def fingerprint(self) -> str:
        """Dimensions and version; the name changes no vector."""
        return f"hash, {self._dimensions} dimensions, version {self._version}"

    def _embed(self, texts: list[str], kind: Kind) -> Vectors:
        import numpy as np

        del kind
        vectors = np.empty((len(texts), self._dimensions), dtype=np.float32)
        for position, text in enumerate(texts):
            total = WHOLE_TEXT_WEIGHT * self._direction(f"text {text}")
            for word in re.findall(r"\w+", text.lower()):
                total += self._direction(f"word {word}")
            vectors[position] = total / np.sqrt((total * total).sum())
        return vectors

    def _direction(self, part: str) -> NDArray[np.float64]:
        import numpy as np

        # shake_256 gives as many bytes as there are dimensions, so no random generator is
        # needed, whose stream could differ between versions of numpy.
        seed = f"{self._version}\0{part}".encode("utf-8", "surrogatepass")
        digest = hashlib.shake_256(seed).digest(4 * self._dimensions)
        return np.frombuffer(digest, dtype="<u4").astype(np.float64) / 2**31 - 1.0
