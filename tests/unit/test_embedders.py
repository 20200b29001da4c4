"""The contract of an embedder, and the one made of hashes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sqlembed.embedders import Embedder, HashEmbedder
from sqlembed.errors import (
    ConfigError,
    EmbedderError,
    InputError,
    NotFinite,
    RetryLater,
    WrongCount,
    WrongDimensions,
)
from sqlembed.types import Kind


class Fake(Embedder):
    """Answers with whatever it was made with, or raises it."""

    dimensions = 3
    fingerprint = "fake"

    def __init__(self, answer: Any, name: str = "fake", batch_size: int = 64) -> None:
        super().__init__(name, batch_size=batch_size)
        self.answer = answer
        self.calls: list[tuple[list[str], Kind]] = []

    def _embed(self, texts: list[str], kind: Kind) -> Any:
        self.calls.append((texts, kind))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Array:
    """Something of another library that numpy can read, as a table's column is."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        del copy
        return np.ones((2, 3), dtype=dtype or np.float64)


@pytest.mark.parametrize(
    "answer",
    [
        [[1, 1, 1], [1, 1, 1]],
        [(1.0, 1.0, 1.0), np.ones(3)],
        np.ones((2, 3)),
        np.ones((2, 3), dtype=np.float16),
        np.ones((2, 3), dtype=np.int8),
        np.ones((3, 2), dtype=np.float32).T,
        Array(),
        (row for row in [[1, 1, 1], [1, 1, 1]]),
    ],
    ids=["lists", "rows", "float64", "float16", "int8", "transposed", "__array__", "generator"],
)
def test_any_numbers_become_float32(answer: Any) -> None:
    vectors = Fake(answer).embed(["a", "b"])

    assert vectors.dtype == np.float32
    assert vectors.flags.c_contiguous
    assert vectors.tolist() == [[1, 1, 1], [1, 1, 1]]


def test_no_text_is_no_call() -> None:
    fake = Fake([])
    vectors = fake.embed([])

    assert vectors.shape == (0, 3)
    assert vectors.dtype == np.float32
    assert fake.calls == []


def test_texts_and_kind_reach_the_embedder() -> None:
    fake = Fake(np.ones((2, 3)))
    fake.embed(("a", "b"), "query")
    fake.embed(["a", "b"])

    assert fake.calls == [(["a", "b"], "query"), (["a", "b"], "document")]


@pytest.mark.parametrize("texts", ["one", b"one"])
def test_one_text_is_no_sequence(texts: Any) -> None:
    with pytest.raises(InputError, match="a sequence of texts"):
        Fake(None).embed(texts)


def test_unknown_kind() -> None:
    with pytest.raises(InputError, match="'question'"):
        Fake(None).embed(["a"], "question")  # type: ignore[arg-type]  # the point


@pytest.mark.parametrize(
    "answer",
    [
        [[1, 1, 1]],
        [[1, 1, 1], [1, 1]][:1],
        np.ones((3, 3)),
        np.ones(3),
        np.ones((2, 3, 1)),
        [],
        [[1, 1, 1], [1, 1], [1]],
    ],
)
def test_wrong_count(answer: Any) -> None:
    with pytest.raises(WrongCount, match=r"'fake'.* for 2 texts"):
        Fake(answer).embed(["a", "b"])


@pytest.mark.parametrize("answer", [np.ones((2, 4)), [[1, 1], [1, 1]], [[1, 1, 1], [1, 1]]])
def test_wrong_dimensions(answer: Any) -> None:
    with pytest.raises(WrongDimensions, match=r"'fake' returned [24] dimensions.*declared are 3"):
        Fake(answer).embed(["a", "b"])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e39])
def test_not_finite(bad: float) -> None:
    with pytest.raises(NotFinite, match="vector 1 of 2"):
        Fake([[1, 1, 1], [1, bad, 1]]).embed(["a", "b"])


@pytest.mark.parametrize(
    "answer",
    [[["1", "2", "3"]], [[1, 2, None]], [[1j, 1, 1]], {"a": [1, 2, 3]}, [[True, False, True]]],
    ids=["text", "None", "complex", "dict", "bool"],
)
def test_not_numbers(answer: Any) -> None:
    with pytest.raises(EmbedderError, match="instead of numbers"):
        Fake(answer).embed(["a"])


@pytest.mark.parametrize(("answer", "words"), [(None, "returned nothing"), (5, "not iterable")])
def test_no_rows(answer: Any, words: str) -> None:
    with pytest.raises(EmbedderError, match=words):
        Fake(answer).embed(["a"])


def test_what_the_function_raises_is_the_cause() -> None:
    boom = KeyError("token")

    with pytest.raises(EmbedderError, match="embedder 'fake' failed: KeyError: 'token'") as caught:
        Fake(boom).embed(["a"])
    assert caught.value.__cause__ is boom


def test_what_a_generator_raises_is_the_cause() -> None:
    def rows() -> Iterator[list[int]]:
        yield [1, 1, 1]
        raise TimeoutError

    with pytest.raises(EmbedderError, match=r"failed: TimeoutError$"):
        Fake(rows()).embed(["a", "b"])


@pytest.mark.parametrize(
    "error", [RetryLater(timedelta(seconds=5)), EmbedderError("mine"), ConfigError("no key")]
)
def test_own_errors_pass(error: Exception) -> None:
    with pytest.raises(type(error)) as caught:
        Fake(error).embed(["a"])
    assert caught.value is error


@pytest.mark.parametrize("name", ["e", "my model (v2) 🙂", "x" * 200, "a:b", '"'])
def test_names(name: Any) -> None:
    assert Fake(None, name).name == name


@pytest.mark.parametrize("name", ["", "  ", "x" * 201, "a\0b", "\ud800", None, 5])
def test_impossible_names(name: Any) -> None:
    with pytest.raises(InputError, match="name"):
        Fake(None, name)


@pytest.mark.parametrize("batch_size", [0, -1, 1.5, True, None])
def test_impossible_batch_size(batch_size: Any) -> None:
    with pytest.raises(InputError, match="batch_size"):
        Fake(None, batch_size=batch_size)


@pytest.mark.parametrize("declared", [0, 16_001, "8"])
def test_impossible_dimensions_of_a_class(declared: Any) -> None:
    class Odd(Fake):
        dimensions = declared

    with pytest.raises(InputError, match="from 1 to 16000"):
        Odd(None)


def test_defaults() -> None:
    fake = Fake(None)

    fake.warm_up()
    assert (fake.batch_size, fake.asymmetric, fake.calls) == (64, False, [])


def test_hash_is_the_same_everywhere() -> None:
    vector = HashEmbedder().embed(["The cat sat on the mat."])[0]

    # Written down once: vectors in a database outlive releases of Python and numpy.
    expected = [-0.0716, -0.2970, 0.5237, -0.1306, 0.6813, -0.1520, -0.3126, -0.1742]
    assert vector == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("dimensions", [1, 2, 8, 384, 16_000])
def test_hash_vectors_have_length_one(dimensions: Any) -> None:
    vectors = HashEmbedder(dimensions=dimensions).embed(["a b c", "", "!", "ü", "x " * 500])

    assert vectors.shape == (5, dimensions)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(5), abs=1e-6)


def test_hash_shared_words_are_near() -> None:
    embedder = HashEmbedder(dimensions=64)
    cat, feline, prices = embedder.embed(
        ["the cat sat on the mat", "On the mat: a CAT!", "stock prices fell again"]
    )

    assert cat @ feline > 0.7 > 0.4 > abs(cat @ prices)


def test_hash_tells_texts_of_the_same_words_apart() -> None:
    same = HashEmbedder(dimensions=64).embed(["dog bites man", "man bites dog", "Man bites dog"])

    assert len(np.unique(same, axis=0)) == 3
    assert (same @ same.T).min() > 0.95


def test_hash_kind_and_name_change_nothing_but_version_does() -> None:
    texts = ["one", "two"]
    base = HashEmbedder()

    assert np.array_equal(base.embed(texts), base.embed(texts, "query"))
    assert np.array_equal(base.embed(texts), HashEmbedder("other").embed(texts))
    assert base.fingerprint == HashEmbedder("other").fingerprint
    assert not np.allclose(base.embed(texts), HashEmbedder(version="2").embed(texts))
    prints = {base.fingerprint, HashEmbedder(version="2").fingerprint}
    assert len(prints | {HashEmbedder(dimensions=9).fingerprint}) == 3


@pytest.mark.parametrize(
    "code",
    [
        "import sqlembed.embedders",
        "import sqlembed.embedders.builtin as builtin; builtin.registry()",
        "from sqlembed.embedders import Registry, SentenceTransformerEmbedder as E; "
        "Registry().add(E('x', 'nobody/nothing', device='cuda'))",
    ],
)
def test_naming_a_model_imports_no_library(code: str) -> None:
    heavy = "{'torch', 'transformers', 'sentence_transformers', 'huggingface_hub'}"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; import sys; print({heavy} & set(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "set()"
