"""Markdown by its headings: what stands under which."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

from sqlembed.errors import ConfigError

NEWLINE = re.compile(r"\r\n?|\n")


@dataclass(frozen=True)
class Section:
    """A part of a text, from one heading to the next."""

    start: int
    #: Where its own heading ends.
    body: int
    end: int
    #: What its body stands under, the outermost heading first.
    headings: tuple[str, ...]


def sections(text: str) -> list[Section]:
    """Cut a text in Markdown at its headings.

    A heading with nothing but further headings under it makes no section: it goes with theirs. One
    with nothing at all under it is its own body.

    Raises:
        ConfigError: the library that reads Markdown is missing.
    """
    found = _headings(text)
    made = []
    above: list[tuple[int, str]] = []
    if not found or text[: found[0][0]].strip():
        made.append(Section(0, 0, found[0][0] if found else len(text), ()))
    for number, (start, body, level, title) in enumerate(found):
        above = [(one, name) for one, name in above if one < level]
        is_last = number + 1 == len(found)
        end = len(text) if is_last else found[number + 1][0]
        has_body = bool(text[body:end].strip())
        if not has_body and (is_last or found[number + 1][2] <= level):
            made.append(Section(start, start, end, tuple(name for _, name in above if name)))
        above.append((level, title))
        if has_body:
            made.append(Section(start, body, end, tuple(name for _, name in above if name)))
    return made


def _headings(text: str) -> list[tuple[int, int, int, str]]:
    """Return where each heading begins and ends, its level and its title."""
    try:
        from markdown_it import MarkdownIt
    except ImportError as error:
        raise ConfigError(
            "headings are found with the library markdown-it-py",
            hint="pip install 'sqlembed[chunking]'",
        ) from error
    lines = [0, *(newline.end() for newline in NEWLINE.finditer(text)), len(text)]
    # Blocks are enough.
    tokens = MarkdownIt("commonmark").disable("inline").parse(text)
    return [
        (lines[token.map[0]], lines[token.map[1]], int(token.tag[1:]), title.content.strip())
        for token, title in itertools.pairwise(tokens)
        if token.type == "heading_open" and token.level == 0 and token.map is not None
    ]
