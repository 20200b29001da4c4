"""What is known of a sentence-transformers model from its files, without any library."""

from __future__ import annotations

import json
import struct
import sys
from pathlib import Path
from typing import Any

import pytest

from sqlembed.embedders import SentenceTransformerEmbedder
from sqlembed.errors import ConfigError, InputError

TRANSFORMER = {"path": "", "type": "sentence_transformers.models.Transformer"}
POOLING = {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}
NORMALIZE = {"path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}
DENSE = {"path": "2_Dense", "type": "sentence_transformers.models.Dense"}
ROUTER = {"path": "", "type": "sentence_transformers.models.Router"}


def put(folder: Path, name: str, content: Any) -> None:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())


def make(folder: Path, **files: Any) -> Path:
    """A mean-pooled transformer of 384 dimensions; ``files`` change or add to it."""
    standard = {
        "modules.json": [TRANSFORMER, POOLING],
        "config.json": {"hidden_size": 384, "transformers_version": "4.8.2"},
        "1_Pooling/config.json": {
            "word_embedding_dimension": 384,
            "pooling_mode_cls_token": False,
            "pooling_mode_mean_tokens": True,
        },
        "tokenizer.json": b"{}",
        "model.safetensors": b"weights",
    }
    for name, content in {**standard, **files}.items():
        if content is not None:
            put(folder, name, content)
    return folder


def embedder(folder: Path, **options: Any) -> SentenceTransformerEmbedder:
    return SentenceTransformerEmbedder("tiny", folder, **options)


def static_table(rows: int, columns: int) -> bytes:
    head = json.dumps(
        {"embedding.weight": {"dtype": "F32", "shape": [rows, columns], "data_offsets": [0, 0]}}
    ).encode()
    return struct.pack("<Q", len(head)) + head


@pytest.mark.parametrize(
    ("files", "dimensions"),
    [
        ({}, 384),
        ({"modules.json": [TRANSFORMER, POOLING, NORMALIZE]}, 384),
        ({"modules.json": None}, 384),
        ({"modules.json": None, "config.json": {"d_model": 512}}, 512),
        ({"modules.json": [TRANSFORMER], "config.json": {"text_config": {"hidden_size": 9}}}, 9),
        (
            {
                "1_Pooling/config.json": {
                    "word_embedding_dimension": 384,
                    "pooling_mode_cls_token": True,
                    "pooling_mode_mean_tokens": True,
                }
            },
            768,
        ),
        ({"1_Pooling/config.json": {"embedding_dimension": 12, "pooling_mode": "cls"}}, 12),
        (
            {
                "modules.json": [TRANSFORMER, POOLING, DENSE],
                "2_Dense/config.json": {"in_features": 384, "out_features": 128},
            },
            128,
        ),
        ({"config_sentence_transformers.json": {"truncate_dim": 64}}, 64),
        (
            {
                "modules.json": [{"path": "0", "type": "x.StaticEmbedding"}],
                "0/model.safetensors": static_table(100, 256),
            },
            256,
        ),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else str(value),
)
def test_dimensions(tmp_path: Path, files: dict[str, Any], dimensions: int) -> None:
    assert embedder(make(tmp_path, **files)).dimensions == dimensions


def test_dimensions_given(tmp_path: Path) -> None:
    folder = make(tmp_path)

    assert embedder(folder, dimensions=128).dimensions == 128
    with pytest.raises(ConfigError, match="has 384 dimensions, not 385"):
        _ = embedder(folder, dimensions=385).dimensions
    with pytest.raises(InputError):
        embedder(folder, dimensions=0)


def test_dimensions_unknown(tmp_path: Path) -> None:
    folder = make(tmp_path, **{"modules.json": [{"path": "", "type": "theirs.Custom"}]})

    with pytest.raises(ConfigError, match="do not say its dimensions") as caught:
        _ = embedder(folder).dimensions
    assert "dimensions=" in str(caught.value.hint)
    assert embedder(folder, dimensions=77).dimensions == 77


@pytest.mark.parametrize(
    ("prompts", "options", "asymmetric"),
    [
        (None, {}, False),
        ({}, {}, False),
        ({"query": "", "document": ""}, {}, False),
        ({"query": "q: "}, {}, True),
        ({"query": "q: ", "document": "d: "}, {}, True),
        ({"query": "same: ", "passage": "same: "}, {}, False),
        ({"query": "q: "}, {"query_prompt": ""}, False),
        ({"sts": "s: "}, {}, False),
        (None, {"query_prompt": "q: ", "document_prompt": "p: "}, True),
    ],
)
def test_asymmetric(
    tmp_path: Path, prompts: dict[str, str] | None, options: dict[str, str], asymmetric: bool
) -> None:
    folder = make(tmp_path, **{"config_sentence_transformers.json": {"prompts": prompts}})

    assert embedder(folder, **options).asymmetric is asymmetric


def test_router(tmp_path: Path) -> None:
    folder = make(
        tmp_path,
        **{
            "modules.json": [ROUTER, NORMALIZE],
            "router_config.json": {
                "types": {"query_0": "x.StaticEmbedding", "document_0": "x.Transformer"},
                "structure": {"document": ["document_0"], "query": ["query_0"]},
            },
            "query_0/model.safetensors": static_table(100, 32),
            "document_0/config.json": {"hidden_size": 32},
            "document_0/model.safetensors": b"weights",
        },
    )
    routed = embedder(folder)
    before = routed.fingerprint

    assert (routed.dimensions, routed.asymmetric) == (32, True)
    put(folder, "query_0/model.safetensors", static_table(101, 32))
    assert embedder(folder).fingerprint != before


def test_fingerprint_in_words(tmp_path: Path) -> None:
    folder = make(tmp_path, **{"config_sentence_transformers.json": {"prompts": {"query": "q: "}}})

    hashed, *words = embedder(folder).fingerprint.split(", ")
    assert words == ["384 dimensions", "mean pooling", "normalised", 'query prompt "q: "']
    library, _, digest = hashed.partition(" sha256:")
    assert library == "sentence-transformers"
    assert len(bytes.fromhex(digest)) == 32
    assert embedder(folder).fingerprint == embedder(folder, batch_size=1, device="cpu").fingerprint


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.safetensors", b"other weights"),
        ("tokenizer.json", b"{ }"),
        ("tokenizer_config.json", {"do_lower_case": False}),
        ("config.json", {"hidden_size": 384, "hidden_act": "relu"}),
        ("sentence_bert_config.json", {"max_seq_length": 12}),
        ("1_Pooling/config.json", {"word_embedding_dimension": 384, "pooling_mode": "cls"}),
        ("modules.json", [TRANSFORMER, POOLING, {"path": "2", "type": "x.LayerNorm"}]),
        ("config_sentence_transformers.json", {"prompts": {"document": "d: "}}),
        ("config_sentence_transformers.json", {"truncate_dim": 383}),
    ],
)
def test_fingerprint_changes_with(tmp_path: Path, name: str, content: Any) -> None:
    before = embedder(make(tmp_path)).fingerprint

    put(tmp_path, name, content)
    assert embedder(tmp_path).fingerprint != before


@pytest.mark.parametrize(
    "options", [{"normalize": False}, {"dimensions": 100}, {"query_prompt": "q"}], ids=str
)
def test_fingerprint_changes_with_options(tmp_path: Path, options: dict[str, Any]) -> None:
    folder = make(tmp_path)

    assert embedder(folder, **options).fingerprint != embedder(folder).fingerprint


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("README.md", b"# A model"),
        ("vocab.txt", b"beside the whole tokenizer"),
        ("pytorch_model.bin", b"the same weights for older libraries"),
        ("onnx/model.onnx", b"for another one"),
        ("config.json", {"transformers_version": "5", "_name_or_path": "x", "hidden_size": 384}),
        ("1_Pooling/config.json", {"embedding_dimension": 384, "pooling_mode": "mean"}),
        (
            "modules.json",
            [
                TRANSFORMER,
                {**POOLING, "type": "sentence_transformers.sentence_transformer.Pooling"},
            ],
        ),
        ("config_sentence_transformers.json", {"__version__": {"pytorch": "2"}}),
    ],
)
def test_fingerprint_stays_with(tmp_path: Path, name: str, content: Any) -> None:
    before = embedder(make(tmp_path)).fingerprint

    put(tmp_path, name, content)
    assert embedder(tmp_path).fingerprint == before


def test_fingerprint_of_sharded_weights(tmp_path: Path) -> None:
    index = {"weight_map": {"a": "part-1.safetensors", "b": "part-2.safetensors"}}
    folder = make(
        tmp_path,
        **{
            "model.safetensors": None,
            "model.safetensors.index.json": index,
            "part-1.safetensors": b"1",
            "part-2.safetensors": b"2",
        },
    )
    before = embedder(folder).fingerprint

    put(folder, "part-2.safetensors", b"3")
    assert embedder(folder).fingerprint != before
    (folder / "part-2.safetensors").unlink()
    with pytest.raises(ConfigError, match=r"lacks part-2\.safetensors"):
        _ = embedder(folder).fingerprint


def test_weights_are_checked(tmp_path: Path) -> None:
    folder = make(tmp_path)
    right = "9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c"

    with pytest.raises(ConfigError, match=f"have sha256 [0-9a-f]{{64}}, expected is {'0' * 64}"):
        _ = embedder(folder, weights_sha256="0" * 64).fingerprint
    with pytest.raises(ConfigError, match="expected is"):
        embedder(folder, weights_sha256="0" * 64).embed(["nothing is loaded"])
    assert embedder(folder, weights_sha256=right).fingerprint == embedder(folder).fingerprint


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"modules.json": None, "config.json": None}, "neither modules.json nor config.json"),
        ({"config.json": b"{"}, "config.json is not valid JSON"),
        ({"modules.json": []}, "not understood"),
        ({"modules.json": [{"path": ""}]}, "not understood: KeyError: 'type'"),
        ({"modules.json": {"a": 1}}, "not understood"),
        ({"config_sentence_transformers.json": [1]}, "not understood"),
        ({"config_sentence_transformers.json": {"model_type": "CrossEncoder"}}, "a CrossEncoder"),
        ({"model.safetensors": None}, "holds no weights"),
    ],
)
def test_no_model(tmp_path: Path, files: dict[str, Any], words: str) -> None:
    folder = make(tmp_path, **files)

    with pytest.raises(ConfigError, match=words):
        _ = embedder(folder).fingerprint


@pytest.mark.parametrize("model", ["/nowhere/at/all", "./nothing", "a/b/c", "../nothing", "a b"])
def test_no_folder(model: str) -> None:
    with pytest.raises(ConfigError, match="there is no folder"):
        _ = SentenceTransformerEmbedder("tiny", model).dimensions


@pytest.mark.parametrize("device", ["", "GPU 0", "cuda:", "cuda:x"])
def test_impossible_device(tmp_path: Path, device: str) -> None:
    with pytest.raises(InputError, match="is no device"):
        embedder(tmp_path, device=device)


def test_impossible_model() -> None:
    with pytest.raises(InputError, match="needs a model"):
        SentenceTransformerEmbedder("tiny", "")


@pytest.mark.parametrize("missing", ["sentence_transformers", "torch"])
def test_library_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setitem(sys.modules, missing, None)

    with pytest.raises(ConfigError, match="needs the library") as caught:
        embedder(make(tmp_path)).warm_up()
    assert caught.value.hint == "pip install 'sqlembed[sentence-transformers]'"


def test_hub_library_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)

    with pytest.raises(ConfigError, match="needs the library huggingface_hub") as caught:
        _ = SentenceTransformerEmbedder("tiny", "nobody/nothing").dimensions
    assert caught.value.hint == "pip install 'sqlembed[sentence-transformers]'"
