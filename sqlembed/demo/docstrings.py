"""The docstrings of the Python standard library that this process runs on."""

from __future__ import annotations

import importlib
import inspect
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Modules that a Python programmer knows, and that can be imported anywhere without effect.
MODULES = [
    "argparse",
    "array",
    "ast",
    "asyncio",
    "base64",
    "bisect",
    "builtins",
    "calendar",
    "cmath",
    "collections",
    "concurrent.futures",
    "configparser",
    "contextlib",
    "copy",
    "csv",
    "ctypes",
    "datetime",
    "decimal",
    "difflib",
    "email.message",
    "enum",
    "fileinput",
    "fnmatch",
    "fractions",
    "functools",
    "gettext",
    "glob",
    "gzip",
    "hashlib",
    "heapq",
    "hmac",
    "html",
    "http.client",
    "inspect",
    "io",
    "ipaddress",
    "itertools",
    "json",
    "keyword",
    "linecache",
    "locale",
    "logging",
    "math",
    "mimetypes",
    "operator",
    "os",
    "os.path",
    "pathlib",
    "pickle",
    "pprint",
    "queue",
    "random",
    "re",
    "secrets",
    "select",
    "shelve",
    "shlex",
    "shutil",
    "signal",
    "smtplib",
    "socket",
    "sqlite3",
    "ssl",
    "statistics",
    "string",
    "struct",
    "subprocess",
    "sys",
    "tarfile",
    "tempfile",
    "textwrap",
    "threading",
    "time",
    "timeit",
    "tokenize",
    "traceback",
    "types",
    "unicodedata",
    "unittest",
    "urllib.parse",
    "urllib.request",
    "uuid",
    "warnings",
    "weakref",
    "xml.etree.ElementTree",
    "zipfile",
    "zlib",
]

#: What is shorter says too little to be searched for.
SHORTEST = 20

#: Many docstrings of builtins begin with how to call them.
SIGNATURE = re.compile(r"[\w.]+\(")


class Docstring(NamedTuple):
    """The first paragraph of what Python says about one of its functions or classes."""

    module: str
    name: str
    doc: str


def standard_library() -> Iterator[Docstring]:
    """Yield public functions, classes and their methods, each docstring once."""
    seen: set[str] = set()
    for module_name in MODULES:
        try:
            module = importlib.import_module(module_name)
        except ImportError:
            continue
        for found in _members(module_name, module):
            if found.doc not in seen:
                seen.add(found.doc)
                yield found


def _members(module_name: str, module: object) -> Iterator[Docstring]:
    for name, value in _public(module):
        if inspect.isclass(value):
            if value.__module__.partition(".")[0] != module_name.partition(".")[0]:
                continue
            yield from _documented(module_name, name, value)
            for method_name, method in _public(value):
                if method_name in vars(value) and callable(method):
                    yield from _documented(module_name, f"{name}.{method_name}", method)
        elif callable(value) and not inspect.ismodule(value):
            yield from _documented(module_name, name, value)


def _public(holder: object) -> Iterator[tuple[str, object]]:
    for name in sorted(vars(holder)):
        if not name.startswith("_"):
            yield name, inspect.getattr_static(holder, name)


def _documented(module: str, name: str, value: object) -> Iterator[Docstring]:
    text = inspect.cleandoc(str(getattr(value, "__doc__", None) or ""))
    paragraphs = (" ".join(part.split()) for part in text.split("\n\n"))
    paragraph = next((part for part in paragraphs if not SIGNATURE.match(part)), "")
    if len(paragraph) >= SHORTEST:
        shown = name if module == "builtins" else f"{module}.{name}"
        yield Docstring(module, shown, paragraph)
