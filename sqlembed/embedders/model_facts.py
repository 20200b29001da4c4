"""What a sentence-transformers model's files say about its vectors, before anything is loaded."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlembed.embedders.model_files import ModelFiles
from sqlembed.errors import ConfigError

HIDDEN_SIZES = ["hidden_size", "d_model", "n_embd", "dim", "hidden_dim"]
POOLING_MODES = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
#: Modules that leave the vectors' length as it is.
SAME_LENGTH = {"Dropout", "LayerNorm", "Normalize", "WeightedLayerPooling", "WordWeights"}
DOCUMENT_PROMPTS = ["document", "passage", "corpus"]


@dataclass(frozen=True)
class ModelFacts:
    """What the files say; a prompt the model does not have is empty."""

    #: ``None`` where only the loaded model knows.
    dimensions: int | None
    query_prompt: str
    document_prompt: str
    #: Queries go through other layers than documents.
    routed: bool
    #: The model itself returns unit vectors.
    normalized: bool
    #: ``mean``, ``cls``, …, joined by ``+``; ``default`` where the library chooses.
    pooling: str


@dataclass(frozen=True)
class Module:
    """One step of a model."""

    #: Its class, without the package: ``Transformer``, ``Pooling``, ``Dense``, …
    kind: str
    #: Its folder; empty for the model's own.
    path: str

    def file(self, name: str) -> str:
        """Path of one of its files."""
        return f"{self.path}/{name}" if self.path else name


def read_facts(files: ModelFiles) -> ModelFacts:
    """Reads a model's facts from its small files.

    Raises:
        ConfigError: they are no sentence-transformers model.
    """
    with understood(files):
        settings = files.read_json("config_sentence_transformers.json") or {}
        kind = settings.get("model_type", "SentenceTransformer")
        if kind != "SentenceTransformer":
            raise ConfigError(
                f"{files.location} is a {kind}, which makes no dense vector of a text"
            )
        modules = modules_of(files)
        prompts = settings.get("prompts") or {}
        dimensions = _dimensions(files, modules)
        cut = settings.get("truncate_dim")
        return ModelFacts(
            dimensions=min(dimensions, cut) if dimensions and cut else dimensions,
            query_prompt=prompts.get("query") or "",
            document_prompt=next(
                (prompts[key] for key in DOCUMENT_PROMPTS if prompts.get(key)), ""
            ),
            routed=any(module.kind == "Router" for module in modules),
            normalized=modules[-1].kind == "Normalize" and not cut,
            pooling=_pooling(files, modules),
        )


@contextlib.contextmanager
def understood(files: ModelFiles) -> Iterator[None]:
    """Makes a ``ConfigError`` of whatever it raises to read files that are no model's."""
    try:
        yield
    except (AttributeError, IndexError, KeyError, OSError, TypeError, ValueError) as error:
        raise ConfigError(
            f"the files of model {files.location!r} are not understood: "
            f"{type(error).__name__}: {error}"
        ) from error


def modules_of(files: ModelFiles) -> list[Module]:
    """The modules in order; a router is followed by those of its document side, then the rest."""
    listed = files.read_json("modules.json")
    if listed is None:
        if files.read_json("config.json") is None:
            raise ConfigError(
                f"{files.location} is no sentence-transformers model: "
                "it has neither modules.json nor config.json"
            )
        return [Module("Transformer", "")]
    modules = []
    for entry in listed:
        module = Module(_last_part(entry["type"]), entry["path"])
        modules.append(module)
        router = files.read_json(module.file("router_config.json"))
        if module.kind == "Router" and router:
            # Documents last: their side says how long the vectors are.
            sides = sorted(router["structure"], key=lambda side: side == "document")
            names = dict.fromkeys(name for side in sides for name in router["structure"][side])
            modules += [
                Module(_last_part(router["types"][name]), module.file(name)) for name in names
            ]
    return modules


def _last_part(class_name: str) -> str:
    # Releases of the library moved the classes: sentence_transformers.models.Pooling and others.
    return class_name.rpartition(".")[2]


def config_of(files: ModelFiles, module: Module) -> dict[str, Any]:
    """A module's configuration, empty if it has none."""
    config = files.read_json(module.file("config.json"))
    return config if isinstance(config, dict) else {}


def pooling_modes(config: dict[str, Any]) -> list[str]:
    """How token vectors become one, from a configuration of the old or the new form."""
    modes = config.get("pooling_mode")
    if modes is None:
        modes = [mode for key, mode in POOLING_MODES.items() if config.get(key)] or ["mean"]
    return [modes] if isinstance(modes, str) else list(modes)


def _pooling(files: ModelFiles, modules: list[Module]) -> str:
    poolings = [config_of(files, module) for module in modules if module.kind == "Pooling"]
    return "+".join(pooling_modes(poolings[-1])) if poolings else "default"


def _dimensions(files: ModelFiles, modules: list[Module]) -> int | None:
    dimensions: int | None = None
    for module in modules:
        config = config_of(files, module)
        if module.kind == "Pooling":
            each = config.get("embedding_dimension") or config.get("word_embedding_dimension")
            dimensions = each * len(pooling_modes(config)) if each else None
        elif module.kind == "Dense":
            dimensions = config.get("out_features")
        elif module.kind == "Transformer":
            config = {**config, **(config.get("text_config") or {})}
            dimensions = next((config[key] for key in HIDDEN_SIZES if key in config), None)
        elif module.kind == "StaticEmbedding":
            dimensions = _static_dimensions(files, module)
        elif module.kind not in SAME_LENGTH:
            dimensions = None
    return dimensions


def _static_dimensions(files: ModelFiles, module: Module) -> int | None:
    """Reads the table's width from the head of the weights, if they are at hand."""
    file = files.folder / module.file("model.safetensors")
    if not file.is_file():
        return None
    with file.open("rb") as opened:
        head = json.loads(opened.read(int.from_bytes(opened.read(8), "little")))
    table = head.get("embedding.weight") or head.get("embeddings")
    return int(table["shape"][1]) if table else None
