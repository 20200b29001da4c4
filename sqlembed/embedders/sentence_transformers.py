"""Models of the library sentence-transformers, loaded when they are first needed."""

from __future__ import annotations

import functools
import json
import logging
import os
import re
import threading
from collections.abc import Sequence
from typing import Any

from sqlembed.embedders.base import Embedder, checked_dimensions
from sqlembed.embedders.model_digests import ModelDigests, read_digests
from sqlembed.embedders.model_facts import ModelFacts, read_facts
from sqlembed.embedders.model_files import ModelFiles, find_model
from sqlembed.embedders.model_loading import load_model
from sqlembed.embedders.outages import is_out_of_memory
from sqlembed.errors import ConfigError, InputError, WrongDimensions
from sqlembed.types import Kind

logger = logging.getLogger(__name__)


class SentenceTransformerEmbedder(Embedder):
    """A sentence-transformers model in this process.

    Making one is free. Its dimensions, prompts and fingerprint are read from the model's small
    files, without torch and without its weights in memory; on first use the weights are loaded.
    The fingerprint is made of the files' content, so that a model has the same one on the hub
    and in a folder, and of pooling, normalisation, prompts and dimensions.

    Example::

        SentenceTransformerEmbedder("minilm", "sentence-transformers/all-MiniLM-L6-v2")

    Args:
        name: what SQL calls it.
        model: a folder, or a name on the Hugging Face hub.
        revision: branch, tag or commit of a model on the hub.
        device: ``cpu``, ``cuda``, ``cuda:1``, ``mps``, …; ``None`` takes the best there is.
        normalize: return unit vectors.
        batch_size: how many texts a worker gives one call, and the most that go through the
            model at once; halved, for good, when the device has no memory for them.
        dimensions: cut the vectors to their first so many numbers, for models made for it; for
            a model whose files do not say its dimensions, these are they.
        query_prompt: goes before every query; ``None`` is the model's own.
        document_prompt: goes before every document; ``None`` is the model's own.
        trust_remote_code: run Python code that comes with the model.
        weights_sha256: refuse any other weights.

    Raises:
        InputError: an argument that cannot be. That a model cannot be found or loaded is a
            ``ConfigError`` of the first attribute or method that needs it.
    """

    def __init__(
        self,
        name: str,
        model: str | os.PathLike[str],
        *,
        revision: str | None = None,
        device: str | None = None,
        normalize: bool = True,
        batch_size: int = 32,
        dimensions: int | None = None,
        query_prompt: str | None = None,
        document_prompt: str | None = None,
        trust_remote_code: bool = False,
        weights_sha256: str | None = None,
    ) -> None:
        super().__init__(name, batch_size=batch_size)
        self._model_name = os.fspath(model)
        if not self._model_name:
            raise InputError(f"embedder {name!r} needs a model: a folder or a name on the hub")
        if device is not None and not re.fullmatch(r"[a-z]+(:\d+)?", device):
            raise InputError(f"{device!r} is no device", hint="'cpu', 'cuda', 'cuda:1', 'mps', …")
        self._cut = None if dimensions is None else checked_dimensions(dimensions)
        self._revision = revision
        self._device = device
        self._normalize = normalize
        self._query_prompt = query_prompt
        self._document_prompt = document_prompt
        self._trust_remote_code = trust_remote_code
        self._weights_sha256 = weights_sha256
        self._model: Any = None
        self._at_once = batch_size
        # Around every use: the tokenizers of transformers bear one thread at a time.
        self._lock = threading.RLock()

    @property
    def dimensions(self) -> int:
        """Length of its vectors, from the model's files."""
        known = self._facts.dimensions
        if self._cut is None and known is None:
            raise ConfigError(
                f"the files of model {self._model_name!r} do not say its dimensions",
                hint="give them: SentenceTransformerEmbedder(…, dimensions=…)",
            )
        if self._cut is None or known is None:
            return checked_dimensions(self._cut or known)
        if self._cut > known:
            raise ConfigError(
                f"model {self._model_name!r} has {known} dimensions, not {self._cut}",
                hint="`dimensions` cuts vectors; leave it out to have all",
            )
        return self._cut

    @property
    def fingerprint(self) -> str:
        """The files' hash, dimensions, pooling, normalisation and prompts in words."""
        facts = self._facts
        parts = [
            f"sentence-transformers sha256:{self._digests.model}",
            f"{self.dimensions} dimensions",
            f"{facts.pooling} pooling",
        ]
        if self._normalize or (facts.normalized and self._cut is None):
            parts.append("normalised")
        for kind in ("query", "document"):
            if prompt := self._prompt(kind):
                parts.append(f"{kind} prompt {json.dumps(prompt, ensure_ascii=False)}")
        return ", ".join(parts)

    @property
    def asymmetric(self) -> bool:
        """Whether the prompts for queries and documents, or the layers for them, differ."""
        return self._facts.routed or self._prompt("query") != self._prompt("document")

    def warm_up(self) -> None:
        """Loads the weights and embeds a word, so that wrong dimensions show at once.

        Raises:
            ConfigError: the model, the library or the device cannot be had.
            WrongDimensions: the model returns other vectors than its files or arguments say.
        """
        for kind in ("document", "query") if self.asymmetric else ("document",):
            try:
                self.embed(["warm"], kind)
            except WrongDimensions as error:
                raise WrongDimensions(
                    f"model {self._model_name!r}: {error.message}",
                    hint="give `dimensions` as the model has them",
                ) from error

    @property
    def max_tokens(self) -> int | None:
        """Tokens that the model reads; loads it."""
        with self._lock:
            most = getattr(self._loaded(), "max_seq_length", None)
        # Some models without a limit say infinity.
        return int(most) if isinstance(most, int) else None

    def count_tokens(self, texts: Sequence[str], kind: Kind = "document") -> list[int] | None:
        """Counts with the model's own tokenizer; loads the model."""
        if not texts:
            return []
        with self._lock:
            tokenizer: Any = getattr(self._loaded(), "tokenizer", None)
            prompted = [self._prompt(kind) + text for text in texts]
            if hasattr(tokenizer, "encode_batch"):
                # Of the library tokenizers, as models of static vectors have it.
                return [len(found.ids) for found in tokenizer.encode_batch(prompted)]
            if not callable(tokenizer):
                return None
            found = tokenizer(prompted, truncation=False, padding=False, verbose=False)
            return [len(ids) for ids in found["input_ids"]]

    def _prompt(self, kind: Kind) -> str:
        given = self._query_prompt if kind == "query" else self._document_prompt
        if given is not None:
            return given
        return self._facts.query_prompt if kind == "query" else self._facts.document_prompt

    @functools.cached_property
    def _files(self) -> ModelFiles:
        with self._lock:
            return find_model(self._model_name, self._revision)

    @functools.cached_property
    def _facts(self) -> ModelFacts:
        return read_facts(self._files)

    @functools.cached_property
    def _digests(self) -> ModelDigests:
        digests = read_digests(self._files)
        if self._weights_sha256 not in (None, *digests.weights):
            raise ConfigError(
                f"the weights of model {self._model_name!r} have sha256 {digests.weights[0]}, "
                f"expected is {self._weights_sha256}",
                hint="the file is damaged, or of another model: get it again",
            )
        return digests

    def _embed(self, texts: list[str], kind: Kind) -> Any:
        with self._lock:
            model = self._loaded()
            encode = model.encode_query if kind == "query" else model.encode_document
            at_once = min(self._at_once, len(texts))
            while True:
                try:
                    return encode(
                        texts,
                        prompt=self._prompt(kind),
                        batch_size=at_once,
                        show_progress_bar=False,
                        convert_to_numpy=True,
                        normalize_embeddings=self._normalize,
                        truncate_dim=self._cut,
                    )
                except (RuntimeError, MemoryError) as error:
                    if at_once == 1 or not is_out_of_memory(error):
                        raise
                # Outside the handler, whose traceback still holds the tensors.
                at_once = self._at_once = at_once // 2
                logger.warning("embedder %r: out of memory, %d texts at once", self.name, at_once)
                _free_device_memory()

    def _loaded(self) -> Any:
        if self._model is None:
            self._model = self._load()
        return self._model

    def _load(self) -> Any:
        if self._weights_sha256 is not None:
            _ = self._digests
        return load_model(
            self._files, device=self._device, trust_remote_code=self._trust_remote_code
        )


def _free_device_memory() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
