"""Models that sentence-transformers really loads: one layer, random weights, made on the spot."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sqlembed.embedders import Registry, SentenceTransformerEmbedder
from sqlembed.embedders.outages import is_out_of_memory
from sqlembed.errors import ConfigError, EmbedderError, WrongDimensions

pytestmark = pytest.mark.model

WORDS = ["the", "a", "cat", "dog", "sat", "on", "mat", ":", "query", "passage", "news", "fall"]
MakeModel = Callable[..., Path]


@pytest.fixture
def make_model(tmp_path: Path) -> MakeModel:
    """Makes the folder of a model: BERT, mean pooling, perhaps prompts and a Normalize module."""

    def make(
        name: str = "model", prompts: dict[str, str] | None = None, normalize: bool = False
    ) -> Path:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import torch
            from transformers import BertConfig, BertModel
        folder = tmp_path / name
        torch.manual_seed(7)
        tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
        config = BertConfig(
            vocab_size=len(tokens),
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=64,
        )
        BertModel(config).save_pretrained(folder)
        (folder / "vocab.txt").write_text("\n".join(tokens))
        package = "sentence_transformers.models"
        modules = [
            {"idx": 0, "name": "0", "path": "", "type": f"{package}.Transformer"},
            {"idx": 1, "name": "1", "path": "1_Pooling", "type": f"{package}.Pooling"},
        ]
        if normalize:
            modules.append({"idx": 2, "name": "2", "path": "2", "type": f"{package}.Normalize"})
        files = {
            "tokenizer_config.json": {"tokenizer_class": "BertTokenizer", "do_lower_case": True},
            "modules.json": modules,
            "1_Pooling/config.json": {
                "word_embedding_dimension": 16,
                "pooling_mode_mean_tokens": True,
            },
            "config_sentence_transformers.json": {"prompts": prompts or {}},
        }
        for file, content in files.items():
            (folder / file).parent.mkdir(exist_ok=True)
            (folder / file).write_text(json.dumps(content))
        return folder

    return make


def embedder(folder: Path, **options: Any) -> SentenceTransformerEmbedder:
    return SentenceTransformerEmbedder("tiny", folder, device="cpu", **options)


def lengths(vectors: Any) -> Any:
    return np.linalg.norm(vectors, axis=1)


TEXTS = ["the cat sat on the mat", "news fall", "a dog"]


def test_vectors_have_length_one(make_model: MakeModel) -> None:
    tiny = embedder(make_model())

    assert tiny.embed(TEXTS).shape == (3, tiny.dimensions) == (3, 16)
    assert lengths(tiny.embed(TEXTS)) == pytest.approx(np.ones(3), abs=1e-6)


def test_without_normalisation(make_model: MakeModel) -> None:
    raw = embedder(make_model(), normalize=False)
    unit = embedder(make_model("unit", normalize=True), normalize=False)

    assert (lengths(raw.embed(TEXTS)) > 1.5).all()
    assert lengths(unit.embed(TEXTS)) == pytest.approx(np.ones(3), abs=1e-6)
    assert "normalised" not in raw.fingerprint
    assert "normalised" in unit.fingerprint


def test_order_and_batches_change_nothing(make_model: MakeModel) -> None:
    folder = make_model()
    texts = [" ".join(WORDS[: 1 + number % 12]) for number in range(20)]

    together = embedder(folder).embed(texts)
    alone = np.vstack([embedder(folder, batch_size=1).embed([text]) for text in texts[:3]])
    assert np.allclose(together[:3], alone, atol=1e-6)
    assert np.allclose(embedder(folder, batch_size=3).embed(texts), together, atol=1e-6)


def test_prompts_of_the_model(make_model: MakeModel) -> None:
    plain = embedder(make_model("plain"))
    prompted = embedder(make_model(prompts={"query": "query : ", "passage": "passage : "}))

    assert prompted.asymmetric
    for kind, prompt in (("query", "query : "), ("document", "passage : ")):
        expected = plain.embed([prompt + text for text in TEXTS])
        assert np.allclose(prompted.embed(TEXTS, kind), expected, atol=1e-6)  # type: ignore[arg-type]
    assert not np.allclose(prompted.embed(TEXTS, "query"), prompted.embed(TEXTS), atol=0.01)


def test_prompts_given(make_model: MakeModel) -> None:
    folder = make_model(prompts={"query": "query : "})
    plain = embedder(make_model("plain"))
    given = embedder(folder, query_prompt="", document_prompt="news ")

    assert np.allclose(given.embed(TEXTS, "query"), plain.embed(TEXTS), atol=1e-6)
    assert np.allclose(
        given.embed(TEXTS), plain.embed([f"news {text}" for text in TEXTS]), atol=1e-6
    )


def test_a_default_prompt_is_not_added(make_model: MakeModel) -> None:
    folder = make_model(prompts={"sts": "news "})
    settings = {"prompts": {"sts": "news "}, "default_prompt_name": "sts"}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(settings))

    plain = embedder(make_model("plain"))
    assert np.allclose(embedder(folder).embed(TEXTS), plain.embed(TEXTS), atol=1e-6)


def test_cut_vectors_have_length_one(make_model: MakeModel) -> None:
    folder = make_model(normalize=True)
    whole, cut = embedder(folder), embedder(folder, dimensions=4)

    head = whole.embed(TEXTS)[:, :4]
    assert np.allclose(cut.embed(TEXTS), head / lengths(head)[:, None], atol=1e-6)
    raw = embedder(folder, dimensions=4, normalize=False)
    assert np.allclose(raw.embed(TEXTS), head, atol=1e-6)
    assert "normalised" not in raw.fingerprint


def test_warm_up_finds_wrong_dimensions(make_model: MakeModel) -> None:
    folder = make_model()
    embedder(folder).warm_up()
    (folder / "1_Pooling/config.json").write_text('{"embedding_dimension": 8}')

    with pytest.raises(WrongDimensions, match=r"returned 16 dimensions.*declared are 8") as caught:
        embedder(folder).warm_up()
    assert "`dimensions`" in str(caught.value.hint)


def test_texts_that_are_none(make_model: MakeModel) -> None:
    with pytest.raises(EmbedderError, match="embedder 'tiny' failed") as caught:
        embedder(make_model()).embed([None])  # type: ignore[list-item]  # the point
    assert caught.value.__cause__ is not None


def test_damaged_weights(make_model: MakeModel) -> None:
    folder = make_model()
    (folder / "model.safetensors").write_bytes(b"not weights")

    with pytest.raises(ConfigError, match="cannot be loaded") as caught:
        embedder(folder).warm_up()
    assert caught.value.__cause__ is not None


def test_no_such_device(make_model: MakeModel) -> None:
    with pytest.raises(ConfigError, match=r"cannot be loaded: .*cuda|cannot be loaded: .*CUDA"):
        SentenceTransformerEmbedder("tiny", make_model(), device="cuda:77").warm_up()


def test_threads_share_one_model(make_model: MakeModel) -> None:
    tiny = embedder(make_model())
    answers: list[Any] = []
    threads = [
        threading.Thread(target=lambda: answers.append(tiny.embed(TEXTS * 20))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(answers) == 8
    assert all(np.array_equal(answer, answers[0]) for answer in answers)


def test_loading_prints_nothing(make_model: MakeModel, capfd: pytest.CaptureFixture[str]) -> None:
    from transformers.utils import logging

    folder = make_model()
    capfd.readouterr()
    embedder(folder).warm_up()

    assert capfd.readouterr() == ("", "")
    assert logging.is_progress_bar_enabled()


def test_a_function_may_return_a_tensor() -> None:
    import torch

    registry = Registry()

    @registry.embedder("tensor", dimensions=2)
    def tensor(texts: Sequence[str]) -> Any:
        return torch.ones(len(texts), 2, dtype=torch.bfloat16, requires_grad=True)

    assert registry.get("tensor").embed(["a"]).tolist() == [[1, 1]]


class Crowded:
    """A model whose device has room for so many texts at once."""

    def __init__(self, room: int, error: type[Exception]) -> None:
        self.room, self.error = room, error
        self.tried: list[int] = []

    def encode_document(self, texts: list[str], batch_size: int, **_: Any) -> Any:
        self.tried.append(batch_size)
        if batch_size > self.room:
            raise self.error("CUDA out of memory. Tried to allocate 2.00 GiB")
        return np.ones((len(texts), 16))


def crowd(tiny: SentenceTransformerEmbedder, room: int, error: type[Exception]) -> Crowded:
    crowded = Crowded(room, error)
    tiny._model = crowded
    return crowded


@pytest.mark.parametrize("error", [RuntimeError, MemoryError])
def test_batches_are_halved_without_memory(make_model: MakeModel, error: type[Exception]) -> None:
    tiny = embedder(make_model(), batch_size=32)
    crowded = crowd(tiny, room=5, error=error)

    assert tiny.embed(["x"] * 20).shape == (20, 16)
    # It has learnt how many fit.
    tiny.embed(["x"] * 20)
    assert crowded.tried == [20, 10, 5, 5]


def test_no_memory_for_one_text(make_model: MakeModel) -> None:
    import torch

    tiny = embedder(make_model(), batch_size=4)
    crowded = crowd(tiny, room=0, error=torch.OutOfMemoryError)

    with pytest.raises(EmbedderError, match="out of memory") as caught:
        tiny.embed(["x"] * 20)
    assert crowded.tried == [4, 2, 1]
    assert is_out_of_memory(caught.value)


def test_tokens_are_counted_as_the_model_does(make_model: MakeModel) -> None:
    tiny = embedder(make_model(prompts={"query": "query : "}))
    assert tiny.count_tokens([]) == []
    # With [CLS] and [SEP], and nothing cut off.
    assert tiny.count_tokens(["the cat", "a dog sat on the mat"]) == [4, 8]
    assert tiny.count_tokens(["the cat"], "query") == [6]
    most = tiny.max_tokens
    assert most is not None
    assert tiny.count_tokens(["cat " * (most + 10)]) == [most + 12]


def test_other_errors_of_the_model_are_not_repeated(make_model: MakeModel) -> None:
    class Shapes(RuntimeError):
        def __init__(self, _: str) -> None:
            super().__init__("shapes cannot be multiplied")

    tiny = embedder(make_model())
    crowded = crowd(tiny, room=0, error=Shapes)

    with pytest.raises(EmbedderError, match="shapes cannot be multiplied"):
        tiny.embed(["x", "y"])
    assert crowded.tried == [2]


def test_everything_but_vectors_is_known_without_torch(
    make_model: MakeModel, tmp_path: Path
) -> None:
    folder = make_model(prompts={"query": "query : "})
    code = (
        "from sqlembed.embedders import Registry, SentenceTransformerEmbedder as E; import sys; "
        f"e = E('tiny', {str(folder)!r}); print(e.dimensions, e.asymmetric, e.fingerprint); "
        "print({'torch', 'transformers', 'sentence_transformers'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout == f"16 True {embedder(folder).fingerprint}\nset()\n"
