"""The files of a model, in a folder or on the Hugging Face hub, read without its libraries."""

from __future__ import annotations

import functools
import hashlib
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlembed.errors import ConfigError

#: What is fetched to learn a model's dimensions and prompts; weights are not in it.
SMALL_FILES = ["*.json", "*.txt", "*.model", "*.py"]
INSTALL_HINT = "pip install 'sqlembed[sentence-transformers]'"


class ModelFiles(ABC):
    """Small files are at hand in ``folder``; of large ones the hash at least can be told."""

    #: What sentence-transformers is given to load: a folder, or a name on the hub.
    location: str
    #: The commit of a model on the hub.
    revision: str | None = None
    folder: Path

    def read_json(self, path: str) -> Any:
        """Returns what a JSON file holds, ``None`` if there is no such file.

        Raises:
            ConfigError: it is no JSON.
        """
        file = self.folder / path
        if not file.is_file():
            return None
        try:
            return json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ConfigError(f"{file} is not valid JSON: {error}") from error

    def sha256(self, path: str) -> str | None:
        """Returns the hash of a file's content, ``None`` if it is not in ``folder``."""
        file = self.folder / path
        if not file.is_file():
            return None
        status = file.stat()
        return _sha256(file.resolve(), status.st_mtime_ns, status.st_size)

    @abstractmethod
    def sha256_of_first(self, paths: Sequence[str]) -> tuple[str, str] | None:
        """Returns path and hash of the first of these files that the model has."""


class FolderFiles(ModelFiles):
    """A model in a local folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.location = str(folder)

    def sha256_of_first(self, paths: Sequence[str]) -> tuple[str, str] | None:
        """Returns path and hash of the first of these files that the folder has."""
        for path in paths:
            if digest := self.sha256(path):
                return path, digest
        return None


class HubFiles(ModelFiles):
    """A model on the hub at one commit, or what the local cache has of it.

    Effects: fetches the small files, once a process. Large files are not fetched to learn their
    hash: the hub addresses them by it, so a model has one fingerprint on the hub and in a folder.

    Raises:
        ConfigError: the library is missing, the model is not there, the hub cannot be reached.
    """

    def __init__(self, name: str, revision: str | None) -> None:
        self.location = name
        try:
            from huggingface_hub import snapshot_download
        except ImportError as error:
            raise ConfigError(
                f"model {name!r} needs the library huggingface_hub", hint=INSTALL_HINT
            ) from error
        try:
            found = snapshot_download(name, revision=revision, allow_patterns=SMALL_FILES)
        except Exception as error:
            raise _hub_failed(name, revision, error) from error
        # The cache keeps every commit in a folder of its name.
        self.folder = Path(found)
        self.revision = self.folder.name

    def sha256_of_first(self, paths: Sequence[str]) -> tuple[str, str] | None:
        """Returns path and hash of the first of these files, from the cache or the hub."""
        for path in paths:
            if digest := self.sha256(path):
                return path, digest
        for path in paths:
            if path in self._on_hub:
                return path, self._on_hub[path] or self._fetched_sha256(path)
        return None

    @functools.cached_property
    def _on_hub(self) -> dict[str, str | None]:
        """Every file of the commit, with the hash of those that the hub keeps by their hash."""
        from huggingface_hub import HfApi

        try:
            info = HfApi().model_info(self.location, revision=self.revision, files_metadata=True)
        except Exception as error:
            raise _hub_failed(self.location, self.revision, error) from error
        return {
            file.rfilename: file.lfs.sha256 if file.lfs else None for file in info.siblings or []
        }

    def _fetched_sha256(self, path: str) -> str:
        from huggingface_hub import hf_hub_download

        try:
            fetched = Path(hf_hub_download(self.location, path, revision=self.revision))
        except Exception as error:
            raise _hub_failed(self.location, self.revision, error) from error
        status = fetched.stat()
        return _sha256(fetched.resolve(), status.st_mtime_ns, status.st_size)


def find_model(model: str, revision: str | None) -> ModelFiles:
    """Finds a model by folder or hub name; a bare hub name is one of sentence-transformers.

    Raises:
        ConfigError: there is no such folder, or the hub does not have it or cannot be reached.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        return FolderFiles(folder)
    if not re.fullmatch(r"[\w.-]*\w[\w.-]*(/[\w.-]*\w[\w.-]*)?", model, re.ASCII):
        raise ConfigError(f"there is no folder {model!r} with a model")
    return HubFiles(model if "/" in model else f"sentence-transformers/{model}", revision)


def _hub_failed(name: str, revision: str | None, error: Exception) -> ConfigError:
    at = f" at revision {revision!r}" if revision else ""
    # By name, because the classes moved between releases of the library.
    kind = type(error).__name__
    if kind == "GatedRepoError":
        return ConfigError(
            f"model {name!r} is only for those its authors let in",
            hint="ask for access on its page, then `hf auth login`",
        )
    if kind == "RepositoryNotFoundError":
        return ConfigError(
            f"there is no model {name!r} on the Hugging Face hub, nor a folder of that name",
            hint="for a private model: `hf auth login`",
        )
    if kind == "RevisionNotFoundError":
        return ConfigError(f"model {name!r} has no revision {revision!r}")
    return ConfigError(
        f"model {name!r}{at} is not in the cache and cannot be had from the Hugging Face hub "
        f"({kind})",
        hint="load it once where the hub can be reached, or give the path of a folder with it",
    )


@functools.lru_cache(maxsize=256)
def _sha256(file: Path, mtime_ns: int, size: int) -> str:
    # Time and size only tell the cache when a file is another one.
    del mtime_ns, size
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
