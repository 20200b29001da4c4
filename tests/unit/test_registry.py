"""Registries: names, the decorator, loading by module:object."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from sqlembed.embedders import HashEmbedder, Registry
from sqlembed.errors import DuplicateEmbedder, InputError, LoadError, UnknownEmbedder


def ones(texts: Sequence[str]) -> list[list[float]]:
    return [[1.0, 1.0, 1.0] for _ in texts]


@pytest.fixture
def workdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working directory that is not importable yet; modules imported from it are forgotten."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def write(folder: Path, name: str, text: str) -> None:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("from sqlembed.embedders import HashEmbedder, Registry\n" + text)


def test_add_keeps_order_and_returns_the_embedder() -> None:
    registry = Registry()
    first = registry.add(HashEmbedder("b"))
    registry.add(HashEmbedder("a"))

    assert registry.names == ["b", "a"]
    assert [embedder.name for embedder in registry] == ["b", "a"]
    assert len(registry) == 2
    assert "a" in registry
    assert "c" not in registry
    assert registry.get("b") is first


def test_registries_share_nothing() -> None:
    Registry().add(HashEmbedder("mine"))

    assert "mine" not in Registry()


def test_duplicate() -> None:
    registry = Registry()
    registry.add(HashEmbedder("hash"))

    with pytest.raises(DuplicateEmbedder, match="'hash'"):
        registry.embedder("hash", dimensions=3)(ones)


def test_only_embedders_are_added() -> None:
    with pytest.raises(InputError, match="is not an Embedder") as caught:
        Registry().add(ones)  # type: ignore[type-var]  # the point
    assert "@registry.embedder" in str(caught.value.hint)


def test_unknown_names_the_nearest() -> None:
    registry = Registry()
    registry.add(HashEmbedder("minilm"))

    with pytest.raises(UnknownEmbedder, match="'minlm'") as caught:
        registry.get("minlm")
    assert caught.value.hint == "did you mean 'minilm'?"
    with pytest.raises(UnknownEmbedder) as caught:
        registry.get("something else")
    assert caught.value.hint == "there are: 'minilm'"
    with pytest.raises(UnknownEmbedder) as caught:
        Registry().get("minilm")
    assert caught.value.hint == "the registry is empty"


def test_the_decorator_leaves_the_function() -> None:
    registry = Registry()
    decorated = registry.embedder("ones", dimensions=3, batch_size=7)(ones)

    assert decorated is ones
    embedder = registry.get("ones")
    assert (embedder.name, embedder.dimensions, embedder.batch_size) == ("ones", 3, 7)
    assert embedder.asymmetric is False
    assert embedder.embed(["x", "y"], "query").tolist() == [[1, 1, 1], [1, 1, 1]]


def test_fingerprint_says_name_dimensions_and_version() -> None:
    def fingerprint(name: str = "f", dimensions: int = 3, version: str = "1") -> str:
        registry = Registry()
        registry.embedder(name, dimensions=dimensions, version=version)(ones)
        return registry.get(name).fingerprint

    assert fingerprint() == 'function "f", 3 dimensions, version "1"'
    others = [
        fingerprint(name="g"),
        fingerprint(dimensions=4),
        fingerprint(version="2"),
        fingerprint(name='f", 3 dimensions, version "1'),
    ]
    assert len({fingerprint(), *others}) == 5
    assert fingerprint() == fingerprint()


def test_async_functions_are_refused() -> None:
    async def later(texts: Sequence[str]) -> list[list[float]]:
        return ones(texts)

    with pytest.raises(InputError, match="plain function"):
        Registry().embedder("later", dimensions=3)(later)  # type: ignore[type-var]  # the point


@pytest.mark.parametrize("dimensions", [0, -1, 16_001, True, 3.0, None, "3"])
def test_impossible_dimensions(dimensions: Any) -> None:
    with pytest.raises(InputError, match="from 1 to 16000"):
        Registry().embedder("f", dimensions=dimensions)(ones)


def test_load_from_the_working_directory(workdir: Path) -> None:
    write(workdir, "app/__init__.py", "")
    write(workdir, "app/ai.py", "registry = Registry()\nregistry.add(HashEmbedder('here'))\n")

    assert Registry.load("app.ai:registry").names == ["here"]


def test_load_of_a_function_and_of_a_nested_object(workdir: Path) -> None:
    write(
        workdir,
        "made.py",
        "def build():\n    made = Registry()\n    made.add(HashEmbedder('built'))\n"
        "    return made\n"
        "class settings:\n    registry = build()\n",
    )

    assert Registry.load("made:build").names == ["built"]
    assert Registry.load("made:settings.registry").names == ["built"]


@pytest.mark.parametrize("spec", ["", "app", "app:", ":registry", " : "])
def test_load_needs_module_and_object(spec: str) -> None:
    with pytest.raises(LoadError, match="does not name a registry") as caught:
        Registry.load(spec)
    assert "module:object" in str(caught.value.hint)


@pytest.mark.parametrize("spec", ["nowhere_at_all:registry", "nowhere_at_all.sub:registry"])
def test_load_without_module(workdir: Path, spec: str) -> None:
    with pytest.raises(LoadError, match="no module 'nowhere_at_all'") as caught:
        Registry.load(spec)
    assert str(workdir) in str(caught.value.hint)


def test_load_without_submodule(workdir: Path) -> None:
    write(workdir, "thin/__init__.py", "")

    with pytest.raises(LoadError, match=r"no module 'thin\.ai'"):
        Registry.load("thin.ai:registry")


def test_load_tells_a_missing_import_inside_the_module(workdir: Path) -> None:
    write(workdir, "needs.py", "import not_installed_here\n")

    with pytest.raises(LoadError, match=r"importing 'needs' failed.*not_installed_here") as caught:
        Registry.load("needs:registry")
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


def test_load_chains_what_the_module_raised(workdir: Path) -> None:
    write(workdir, "broken.py", "raise RuntimeError('no such table')\n")

    with pytest.raises(LoadError, match="RuntimeError: no such table") as caught:
        Registry.load("broken:registry")
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_load_chains_what_the_function_raised(workdir: Path) -> None:
    write(workdir, "failing.py", "def build():\n    raise RuntimeError('no key')\n")

    with pytest.raises(LoadError, match="RuntimeError: no key") as caught:
        Registry.load("failing:build")
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_load_without_attribute_names_the_registries(workdir: Path) -> None:
    write(workdir, "other.py", "embedders = Registry()\n")

    with pytest.raises(LoadError, match="no 'registry'") as caught:
        Registry.load("other:registry")
    assert caught.value.hint == "registries in it: embedders"


def test_load_of_something_else(workdir: Path) -> None:
    write(workdir, "number.py", "registry = 3\n")

    with pytest.raises(LoadError, match="is int, not a Registry"):
        Registry.load("number:registry")


def test_builtin() -> None:
    registry = Registry.load("sqlembed.embedders.builtin:registry")

    assert registry.names == ["minilm"]
