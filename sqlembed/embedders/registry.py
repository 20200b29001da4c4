"""Which embedders a process has, by name."""

from __future__ import annotations

import difflib
import functools
import importlib
import inspect
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlembed.embedders.base import Embedder, checked_dimensions
from sqlembed.embedders.clusterings import AnyClustering, Clusterings
from sqlembed.errors import DuplicateEmbedder, InputError, LoadError, UnknownEmbedder
from sqlembed.types import EmbedFunction, Kind

if TYPE_CHECKING:
    import sqlalchemy as sa

AnyEmbedder = TypeVar("AnyEmbedder", bound=Embedder)
AnyFunction = TypeVar("AnyFunction", bound=EmbedFunction)


class FunctionEmbedder(Embedder):
    """A plain function as an embedder; ``Registry.embedder`` makes it.

    Its fingerprint holds the name, the dimensions and ``version``, never the code: change
    ``version`` when the function starts to return other vectors.
    """

    def __init__(
        self,
        name: str,
        function: EmbedFunction,
        *,
        dimensions: int,
        version: str = "1",
        batch_size: int = 64,
    ) -> None:
        super().__init__(name, batch_size=batch_size)
        if not callable(function) or inspect.iscoroutinefunction(function):
            raise InputError(
                f"embedder {name!r} needs a plain function of texts, not {function!r}",
                hint="a worker calls it in a thread; do the awaiting inside",
            )
        self._function = function
        self._dimensions = checked_dimensions(dimensions)
        # As JSON, so that no name or version can be mistaken for another pair.
        quoted = [json.dumps(str(part), ensure_ascii=False) for part in (name, version)]
        self._fingerprint = f"function {quoted[0]}, {dimensions} dimensions, version {quoted[1]}"

    @property
    def dimensions(self) -> int:
        """Length of every vector the function returns."""
        return self._dimensions

    @property
    def fingerprint(self) -> str:
        """Name, dimensions and version in words."""
        return self._fingerprint

    def _embed(self, texts: list[str], kind: Kind) -> Any:
        del kind
        return self._function(texts)


class Registry:
    """The embedders of a process, in the order they were added.

    Example::

        registry = Registry()
        registry.add(SentenceTransformerEmbedder("e5", "intfloat/e5-small-v2"))

        @registry.embedder("shout", dimensions=8)
        def shout(texts): ...   # sequence of str → array (n, 8)
    """

    def __init__(self) -> None:
        self._embedders: dict[str, Embedder] = {}
        #: The clustering functions that SQL may call by name.
        self.clusterings = Clusterings()

    def add(self, embedder: AnyEmbedder) -> AnyEmbedder:
        """Takes an embedder in and returns it.

        Raises:
            DuplicateEmbedder: the name is taken.
            InputError: not an embedder.
        """
        if not isinstance(embedder, Embedder):
            raise InputError(
                f"{embedder!r} is not an Embedder",
                hint="decorate a function with @registry.embedder(name, dimensions=…)",
            )
        if embedder.name in self._embedders:
            raise DuplicateEmbedder(f"there is an embedder {embedder.name!r} in this registry")
        self._embedders[embedder.name] = embedder
        return embedder

    def embedder(
        self, name: str, *, dimensions: int, version: str = "1", batch_size: int = 64
    ) -> Callable[[AnyFunction], AnyFunction]:
        """Registers the decorated function as an embedder and leaves it as it is.

        The function is given a list of texts, never an empty one, and returns an array-like of
        shape (texts, dimensions): lists of numbers, an array, a tensor.

        Args:
            name: what SQL calls the embedder.
            dimensions: length of the function's vectors, 1 to 16000.
            version: part of the fingerprint; change it when the function's vectors change.
            batch_size: how many texts a worker gives one call.

        Raises:
            DuplicateEmbedder: the name is taken.
            InputError: an argument that cannot be, or an ``async def`` function.
        """

        def register(function: AnyFunction) -> AnyFunction:
            self.add(
                FunctionEmbedder(
                    name, function, dimensions=dimensions, version=version, batch_size=batch_size
                )
            )
            return function

        return register

    def clustering(self, name: str) -> Callable[[AnyClustering], AnyClustering]:
        """Registers the decorated function as a way to cluster and leaves it as it is.

        ``create_clusters(…, method => name, parameters => …)`` in SQL has a worker call it. It is
        given an array of vectors (n, dimensions), of length 1 under cosine, and the parameters by
        name, and returns n integers: from 1, or -1 for what is in no cluster.

        Args:
            name: what SQL calls it.

        Raises:
            InputError: the name is taken or blank, or an ``async def`` function.
        """
        return self.clusterings.register(name)

    def get(self, name: str) -> Embedder:
        """Returns the embedder of a name.

        Raises:
            UnknownEmbedder: there is none; the hint names the nearest one.
        """
        try:
            return self._embedders[name]
        except KeyError:
            near = difflib.get_close_matches(name, self._embedders, n=1)
            if near:
                hint = f"did you mean {near[0]!r}?"
            elif self._embedders:
                hint = "there are: " + ", ".join(map(repr, self._embedders))
            else:
                hint = "the registry is empty"
            raise UnknownEmbedder(f"no embedder {name!r} in this registry", hint=hint) from None

    def sync(self, engine: sa.Engine) -> None:
        """Make the embedders known to a database, all of them or none; commits.

        Workers do it when they start. Registering them again is no error.

        Raises:
            RegistrationRefused: the database knows one of the names with another fingerprint or
                other dimensions.
        """
        from sqlembed.embedders.registration import register

        register(self, engine)

    @property
    def names(self) -> list[str]:
        """The embedders' names, in the order they were added."""
        return list(self._embedders)

    def __contains__(self, name: object) -> bool:
        return name in self._embedders

    def __iter__(self) -> Iterator[Embedder]:
        return iter(list(self._embedders.values()))

    def __len__(self) -> int:
        return len(self._embedders)

    def __repr__(self) -> str:
        return f"<Registry {self.names}>"

    @staticmethod
    def load(spec: str) -> Registry:
        """Imports a registry named as ``module:object``.

        The working directory is importable, as with ``python -m``, and stays so, because the
        module's functions may import from it later. The object is a registry or a function
        without arguments that returns one.

        Raises:
            LoadError: says which step did not lead on; what the module raised is ``__cause__``.
        """
        return _load(spec)


def _load(spec: str) -> Registry:
    module_name, colon, path = spec.partition(":")
    if not (module_name.strip() and colon and path.strip()):
        raise LoadError(
            f"{spec!r} does not name a registry", hint="write module:object, as in app.ai:registry"
        )
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        # The module itself or a package above it, not something that it imports.
        if error.name is not None and f"{module_name}.".startswith(f"{error.name}."):
            raise LoadError(
                f"there is no module {error.name!r} to load {spec!r} from",
                hint=f"it is looked for in {here} and among the installed packages",
            ) from error
        raise _import_failed(module_name, error) from error
    except Exception as error:
        raise _import_failed(module_name, error) from error
    try:
        found: object = functools.reduce(getattr, path.split("."), module)
    except AttributeError as error:
        raise LoadError(
            f"module {module_name!r} has no {path!r}", hint=_registries_in(module)
        ) from error
    if callable(found) and not isinstance(found, Registry):
        try:
            found = found()
        except Exception as error:
            raise LoadError(f"calling {spec!r} failed: {type(error).__name__}: {error}") from error
    if not isinstance(found, Registry):
        raise LoadError(
            f"{spec!r} is {type(found).__name__}, not a Registry", hint=_registries_in(module)
        )
    return found


def _import_failed(module_name: str, error: Exception) -> LoadError:
    return LoadError(f"importing {module_name!r} failed: {type(error).__name__}: {error}")


def _registries_in(module: object) -> str:
    names = [name for name, value in vars(module).items() if isinstance(value, Registry)]
    if names:
        return "registries in it: " + ", ".join(names)
    return "the module makes no sqlembed.Registry"
