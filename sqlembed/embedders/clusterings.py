"""Ways to cluster vectors by Python functions: HDBSCAN, and those of a registry."""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from sqlembed.errors import EmbedderError, InputError, WrongCount

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

#: Given vectors (n, dimensions) and parameters by name, a function returns n integers.
AnyClustering = TypeVar("AnyClustering", bound=Callable[..., Any])

#: In so many dimensions hardly anything is dense.
COMPONENTS = 20


class Clusterings:
    """Clustering functions by name; ``hdbscan`` is there where scikit-learn is installed."""

    def __init__(self) -> None:
        self._functions: dict[str, Callable[..., Any]] = {}
        if importlib.util.find_spec("sklearn") is not None:
            self._functions["hdbscan"] = hdbscan

    @property
    def names(self) -> list[str]:
        """What SQL calls them."""
        return list(self._functions)

    def register(self, name: str) -> Callable[[AnyClustering], AnyClustering]:
        """Take the decorated function in under a name.

        Raises:
            InputError: the name is taken or blank, or an ``async def`` function.
        """
        if not name.strip() or len(name) > 200:
            raise InputError(f"{name!r} is no name for a clustering function")
        if name in self._functions:
            raise InputError(f"there is a clustering function {name!r} in this registry")

        def take(function: AnyClustering) -> AnyClustering:
            if inspect.iscoroutinefunction(function):
                raise InputError(
                    f"a clustering needs a plain function, not {function!r}",
                    hint="a worker calls it in a thread; do the awaiting inside",
                )
            self._functions[name] = function
            return function

        return take

    def labels(
        self, name: str, vectors: NDArray[np.float32], parameters: Mapping[str, Any]
    ) -> NDArray[np.int32]:
        """Return the label of each vector; none for none, without calling anything.

        Raises:
            WrongCount: the function did not return one label a vector.
            EmbedderError: what it returned are no integers of 32 bits.
            Exception: what the function raised.
        """
        if len(vectors) == 0:
            return np.zeros(0, dtype=np.int32)
        found = np.asarray(self._functions[name](vectors, **parameters))
        if found.shape != (len(vectors),):
            raise WrongCount(f"{name} was given {len(vectors)} vectors and returned {found.shape}")
        if not np.issubdtype(found.dtype, np.integer):
            raise EmbedderError(f"{name} returned labels of type {found.dtype}, not integers")
        limits = np.iinfo(np.int32)
        if found.min() < limits.min or found.max() > limits.max:
            raise EmbedderError(f"{name} returned labels that do not fit into 32 bits")
        return found.astype(np.int32)


def hdbscan(
    vectors: NDArray[np.float32],
    *,
    min_cluster_size: int = 5,
    min_samples: int | None = None,
    cluster_selection_epsilon: float = 0.0,
    cluster_selection_method: str = "eom",
    components: int | None = COMPONENTS,
) -> NDArray[np.intp]:
    """Returns the clusters where vectors are dense, the largest as 1; -1 for the rest.

    Args:
        vectors: shape (n, dimensions).
        min_cluster_size: rows that a cluster has at least.
        min_samples: the higher, the more rows are in none; by default min_cluster_size.
        cluster_selection_epsilon: clusters nearer to each other than this are one.
        cluster_selection_method: ``eom``, or ``leaf`` for smaller clusters.
        components: principal components to look at; ``None`` for the vectors as they are.
    """
    from sklearn.cluster import HDBSCAN
    from sklearn.decomposition import PCA

    if components is not None and components < min(vectors.shape):
        vectors = PCA(components, random_state=0).fit_transform(vectors)
    if len(vectors) < max(2, min_samples or min_cluster_size):
        return np.full(len(vectors), -1)
    found = HDBSCAN(
        min_cluster_size=min_cluster_size,
        min_samples=min_samples,
        cluster_selection_epsilon=cluster_selection_epsilon,
        cluster_selection_method=cluster_selection_method,
        copy=True,
    ).fit_predict(vectors)
    # By size, and equally large ones as they come: the same rows give the same numbers.
    sizes = np.bincount(found[found >= 0], minlength=0)
    places = np.empty(len(sizes) + 1, dtype=np.intp)
    places[np.argsort(-sizes, kind="stable")] = np.arange(1, len(sizes) + 1)
    places[-1] = -1
    return np.asarray(places[found])
