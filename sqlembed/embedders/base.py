"""What every embedder is: texts in, one finite float32 vector each out, checked."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, get_args

from sqlembed.errors import (
    ConfigError,
    EmbedderError,
    InputError,
    NotFinite,
    WrongCount,
    WrongDimensions,
)
from sqlembed.types import Kind, Vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: The most dimensions a pgvector column takes.
MAX_DIMENSIONS = 16_000
MAX_NAME_LENGTH = 200


class Embedder(ABC):
    """A named embedding function of fixed dimensions; subclass it to bring your own.

    A subclass says its ``dimensions`` and ``fingerprint`` and implements ``_embed``; what that
    returns is checked here, so it may be anything numpy can read as numbers.

    Example::

        class Letters(Embedder):
            dimensions = 26
            fingerprint = "letters 1"

            def _embed(self, texts, kind):
                return [[text.count(letter) for letter in ascii_lowercase] for text in texts]

        registry.add(Letters("letters"))

    Args:
        name: what SQL calls it; any text of at most 200 characters.
        batch_size: how many texts a worker gives one call.

    Raises:
        InputError: a name, dimensions or batch size that cannot be.
    """

    def __init__(self, name: str, *, batch_size: int = 64) -> None:
        self._name = _checked_name(name)
        if not _is_int(batch_size) or batch_size < 1:
            raise InputError(f"batch_size must be a whole number from 1 on, not {batch_size!r}")
        self._batch_size = batch_size
        # A plain class attribute can be checked now; a property may need the model's files.
        declared: object = type(self).dimensions
        if not isinstance(declared, property):
            checked_dimensions(declared)

    @property
    def name(self) -> str:
        """What SQL calls it."""
        return self._name

    @property
    def batch_size(self) -> int:
        """How many texts a worker gives one call."""
        return self._batch_size

    @property
    @abstractmethod
    def dimensions(self) -> int:
        """Length of every vector it returns."""

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Says what makes its vectors; two embedders of one fingerprint return the same ones."""

    @property
    def asymmetric(self) -> bool:
        """Whether queries are embedded differently from documents."""
        return False

    @property
    def max_tokens(self) -> int | None:
        """Tokens of a text that the model reads, the rest is cut off; ``None`` if unknown."""
        return None

    def count_tokens(self, texts: Sequence[str], kind: Kind = "document") -> list[int] | None:
        """Returns how many tokens each text is, uncut; ``None`` from one that cannot tell.

        Args:
            texts: any number of texts.
            kind: what they are; a prompt that goes before them is counted too.
        """
        del texts, kind
        return None

    def warm_up(self) -> None:
        """Loads what embedding needs, so that a broken embedder fails before any work is taken.

        Raises:
            EmbedderError: it cannot be loaded, or returns vectors it did not declare.
            ConfigError: a library or a setting it needs is missing.
        """
        return None

    def embed(self, texts: Sequence[str], kind: Kind = "document") -> Vectors:
        """Embeds texts, in their order; no text is no call.

        Args:
            texts: any number of texts.
            kind: what the texts are; the same to an embedder that is not ``asymmetric``.

        Returns:
            float32, C-contiguous, of shape (texts, dimensions), finite.

        Raises:
            WrongCount, WrongDimensions, NotFinite: the embedder broke its contract.
            RetryLater: the embedder is down for now.
            EmbedderError: anything else it raised, as ``__cause__``.
            ConfigError: a library or a setting it needs is missing.
        """
        import numpy as np

        if isinstance(texts, (str, bytes)):
            raise InputError("embed() takes a sequence of texts, not one", hint="embed([text])[0]")
        if kind not in get_args(Kind):
            raise InputError(f"kind is 'document' or 'query', not {kind!r}")
        given = list(texts)
        count = len(given)
        if not given:
            return np.empty((0, self.dimensions), dtype=np.float32)
        try:
            answer = self._embed(given, kind)
            if answer is None:
                raise EmbedderError(f"embedder {self.name!r} returned nothing")
            # Here, because an answer may be a generator that has yet to do the work.
            numbers = _as_numbers(answer)
        except (EmbedderError, ConfigError):
            raise
        except Exception as error:
            reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            raise EmbedderError(f"embedder {self.name!r} failed: {reason}") from error
        return self._checked(numbers, count)

    @abstractmethod
    def _embed(self, texts: list[str], kind: Kind) -> Any:
        """Returns one vector a text, as anything array-like of shape (texts, dimensions).

        Never called without texts. May raise anything; ``RetryLater`` when no text is to blame.
        """

    def _checked(self, answer: NDArray[Any] | list[Any], count: int) -> Vectors:
        import numpy as np

        who = f"embedder {self.name!r}"
        if isinstance(answer, list):
            # Rows of different lengths, which are no array: say which one is wrong.
            if len(answer) != count:
                raise WrongCount(f"{who} returned {len(answer)} vectors for {count} texts")
            for position, row in enumerate(answer):
                if not hasattr(row, "__len__"):
                    raise EmbedderError(f"{who} returned {row!r} as vector {position}")
                if len(row) != self.dimensions:
                    raise WrongDimensions(
                        f"{who} returned {len(row)} dimensions as vector {position}, "
                        f"declared are {self.dimensions}"
                    )
            raise EmbedderError(f"{who} returned something else than rows of numbers")
        if answer.dtype.kind not in "fiu":
            raise EmbedderError(f"{who} returned {answer.dtype} instead of numbers")
        if answer.ndim != 2 or answer.shape[0] != count:
            raise WrongCount(
                f"{who} returned an array of shape {answer.shape} for {count} texts, "
                f"expected is ({count}, {self.dimensions})"
            )
        if answer.shape[1] != self.dimensions:
            raise WrongDimensions(
                f"{who} returned {answer.shape[1]} dimensions, declared are {self.dimensions}"
            )
        with np.errstate(over="ignore"):
            vectors = np.ascontiguousarray(answer, dtype=np.float32)
        finite = np.isfinite(vectors).all(axis=1)
        if not finite.all():
            position = int(np.argmin(finite))
            raise NotFinite(f"{who} returned NaN or infinity in vector {position} of {count}")
        return vectors

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"


def checked_dimensions(dimensions: object) -> int:
    """Returns dimensions that a pgvector column can have, else raises ``InputError``."""
    if isinstance(dimensions, int) and _is_int(dimensions) and 1 <= dimensions <= MAX_DIMENSIONS:
        return dimensions
    raise InputError(
        f"dimensions must be a whole number from 1 to {MAX_DIMENSIONS}, not {dimensions!r}"
    )


def _checked_name(name: object) -> str:
    if not isinstance(name, str) or not name.strip():
        raise InputError(f"an embedder needs a name, not {name!r}")
    if len(name) > MAX_NAME_LENGTH:
        raise InputError(f"an embedder's name has at most {MAX_NAME_LENGTH} characters")
    # PostgreSQL's text holds neither of them.
    if "\0" in name or any("\ud800" <= character <= "\udfff" for character in name):
        raise InputError(f"an embedder's name cannot hold NUL or half a character: {name!r}")
    return name


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _as_numbers(answer: Any) -> NDArray[Any] | list[Any]:
    """Returns an array, or a list where rows differ in length."""
    import numpy as np

    if hasattr(answer, "detach"):
        # A torch tensor: numpy reads none that has a gradient, is on a GPU or is bfloat16.
        answer = answer.detach().cpu().float()
    if hasattr(answer, "__array__"):
        return np.asarray(answer)
    rows = list(answer)
    try:
        return np.asarray(rows)
    except ValueError:
        return rows
