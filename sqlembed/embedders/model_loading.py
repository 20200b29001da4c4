"""Puts a sentence-transformers model into memory, without a word from the libraries."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator
from typing import Any

from sqlembed.embedders.model_files import INSTALL_HINT, HubFiles, ModelFiles
from sqlembed.errors import ConfigError

logger = logging.getLogger(__name__)


def load_model(files: ModelFiles, *, device: str | None, trust_remote_code: bool) -> Any:
    """Imports the libraries and loads a model's weights, fetching them if they are on the hub.

    Returns:
        a ``sentence_transformers.SentenceTransformer``.

    Raises:
        ConfigError: the library or the device is missing, or the model cannot be loaded.
    """
    with _quiet():
        try:
            import torch
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise ConfigError(
                f"model {files.location!r} needs the library sentence-transformers: {error}",
                hint=INSTALL_HINT,
            ) from error

        def load(*, offline: bool) -> Any:
            return SentenceTransformer(
                files.location,
                revision=files.revision,
                device=None if device is None else str(torch.device(device)),
                trust_remote_code=trust_remote_code,
                local_files_only=offline,
            )

        try:
            with _no_loading_bars():
                if trust_remote_code:
                    # The code may lie in another repository than the model.
                    return load(offline=False)
                if isinstance(files, HubFiles):
                    # What is in the cache at this commit is right, and a hub that does not
                    # answer costs a minute of retries.
                    with contextlib.suppress(Exception):
                        return load(offline=True)
                    logger.info("fetching model %s", files.location)
                    return load(offline=False)
                return load(offline=True)
        except Exception as error:
            raise ConfigError(
                f"model {files.location!r} cannot be loaded: {type(error).__name__}: {error}"
            ) from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hides the warnings that the libraries give about themselves."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def _no_loading_bars() -> Iterator[None]:
    from transformers.utils import logging as transformers_logging

    # The functions that switch the bars have no types.
    bars: Any = transformers_logging
    shown = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            bars.enable_progress_bar()
