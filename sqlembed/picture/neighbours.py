"""Places for vectors by UMAP, which keeps neighbours together where not all distances fit."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from sqlembed.errors import ConfigError, InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: UMAP's own default.
NEIGHBOURS = 15
FEWEST = 5

#: UMAP's names of our metrics.
METRICS = {
    "cosine": "cosine",
    "inner_product": "cosine",
    "euclidean": "euclidean",
    "l1": "manhattan",
}


def require() -> None:
    """Raise if umap-learn is not installed.

    Raises:
        ConfigError: it is not.
    """
    _umap()


def places(vectors: NDArray[np.float32], metric: str, seed: int) -> NDArray[np.float64]:
    """Return two coordinates for each vector.

    Raises:
        ConfigError: umap-learn is not installed.
        InputError: there are too few vectors.
    """
    umap = _umap()
    if len(vectors) < FEWEST:
        raise InputError(
            f"there are {len(vectors)} rows with a vector, and UMAP needs {FEWEST}",
            hint="--method pca does with two.",
        )
    reducer = umap.UMAP(
        n_neighbors=min(NEIGHBOURS, len(vectors) - 1),
        metric=METRICS[metric],
        random_state=seed,
        n_jobs=1,
        # The spectral start needs more rows than neighbours.
        init="random" if len(vectors) <= NEIGHBOURS + 1 else "spectral",
    )
    return np.asarray(reducer.fit_transform(vectors), dtype=np.float64)


def _umap() -> Any:
    try:
        with warnings.catch_warnings():
            # It misses TensorFlow, which only its neural variant needs.
            warnings.simplefilter("ignore", ImportWarning)
            import umap
    except ImportError as error:
        raise ConfigError(
            "method umap needs umap-learn", hint="pip install 'sqlembed[umap]'"
        ) from error
    return umap
