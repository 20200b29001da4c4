"""The hash of everything in a sentence-transformers model that makes its vectors."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlembed.embedders.model_facts import Module, config_of, modules_of, pooling_modes, understood
from sqlembed.embedders.model_files import ModelFiles
from sqlembed.errors import ConfigError

#: In the order in which transformers looks for weights.
WEIGHTS = [
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
]
ADAPTER_WEIGHTS = ["adapter_model.safetensors", "adapter_model.bin"]
TOKENIZER_PARTS = [
    "added_tokens.json",
    "merges.txt",
    "sentencepiece.bpe.model",
    "special_tokens_map.json",
    "spiece.model",
    "tokenizer.model",
    "vocab.json",
    "vocab.txt",
]
CONFIGS = [
    "adapter_config.json",
    "config.json",
    "router_config.json",
    "sentence_bert_config.json",
    "sentence_roberta_config.json",
    "sentence_distilbert_config.json",
    "sentence_camembert_config.json",
    "sentence_albert_config.json",
    "sentence_xlm-roberta_config.json",
    "sentence_xlnet_config.json",
]
#: Says who wrote the file, not what the model computes.
NOISE = {"_name_or_path", "transformers_version", "__version__"}
#: Modules that never have any.
WITHOUT_WEIGHTS = {"Dropout", "Normalize", "Pooling", "Router"}


@dataclass(frozen=True)
class ModelDigests:
    """sha256 of what makes a model's vectors."""

    #: Over weights, tokenizer and configurations of all modules.
    model: str
    #: Of each file of weights.
    weights: list[str]


def read_digests(files: ModelFiles) -> ModelDigests:
    """Hashes what makes a model's vectors; weights on the hub are not fetched for it.

    Raises:
        ConfigError: they are no sentence-transformers model, or weights are missing.
    """
    with understood(files):
        modules = modules_of(files)
        weights = [list(_weights(files, module)) for module in modules]
        if not any(weights):
            raise ConfigError(
                f"{files.location} holds no weights", hint=f"one of {', '.join(WEIGHTS)}"
            )
        described = [
            {
                "kind": module.kind,
                "configs": _configs(files, module),
                "weights": found,
                "tokenizer": _tokenizer(files, module),
            }
            for module, found in zip(modules, weights, strict=True)
        ]
        canonical = json.dumps(described, sort_keys=True, separators=(",", ":"))
        return ModelDigests(
            model=hashlib.sha256(canonical.encode()).hexdigest(),
            weights=[digest for found in weights for digest in found],
        )


def _weights(files: ModelFiles, module: Module) -> Iterator[str]:
    if module.kind in WITHOUT_WEIGHTS:
        return
    adapted = files.read_json(module.file("adapter_config.json")) is not None
    for candidates in (WEIGHTS, ADAPTER_WEIGHTS) if adapted else (WEIGHTS,):
        found = files.sha256_of_first([module.file(name) for name in candidates])
        if found is None:
            continue
        path, digest = found
        yield digest
        if path.endswith(".index.json"):
            for shard in sorted(set(files.read_json(path)["weight_map"].values())):
                part = files.sha256_of_first([module.file(shard)])
                if part is None:
                    raise ConfigError(f"{files.location} lacks {module.file(shard)}")
                yield part[1]


def _tokenizer(files: ModelFiles, module: Module) -> list[str | None]:
    # tokenizer.json holds all of them; which others lie beside it differs between copies.
    whole = files.sha256(module.file("tokenizer.json"))
    parts = [whole] if whole else [files.sha256(module.file(name)) for name in TOKENIZER_PARTS]
    return [*parts, files.sha256(module.file("tokenizer_config.json"))]


def _configs(files: ModelFiles, module: Module) -> dict[str, Any]:
    if module.kind == "Pooling":
        config = config_of(files, module)
        return {"modes": pooling_modes(config), "prompt": config.get("include_prompt", True)}
    found = {name: files.read_json(module.file(name)) for name in CONFIGS}
    # Code that the model brings along, for trust_remote_code.
    code = sorted((files.folder / module.path).glob("*.py"))
    return {
        **{name: _without_noise(config) for name, config in found.items() if config is not None},
        **{file.name: files.sha256(module.file(file.name)) for file in code},
    }


def _without_noise(config: Any) -> Any:
    if not isinstance(config, dict):
        return config
    return {key: value for key, value in config.items() if key not in NOISE}
