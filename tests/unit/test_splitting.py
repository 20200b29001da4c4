"""How texts are cut: by size, by headings, in blocks, and never inside a character."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from sqlembed.embedders import HashEmbedder
from sqlembed.errors import ConfigError
from sqlembed.types import Kind
from sqlembed.worker import splitting
from sqlembed.worker.headings import sections
from sqlembed.worker.splitting import Splitter

PLAIN: dict[str, Any] = {"overlap": 0, "format": "plain", "headings": False}


class Words(HashEmbedder):
    """Counts words, and two marks around them, and remembers the longest text it was given."""

    longest = 0

    def count_tokens(self, texts: Sequence[str], kind: Kind = "document") -> list[int]:
        self.longest = max(self.longest, *map(len, texts))
        return [len(re.findall(r"\w+", text)) + 2 for text in texts]


def cut(text: str, **options: Any) -> list[tuple[int, str, str]]:
    return list(Splitter(PLAIN | options, Words()).split(text))


def test_chunks_are_of_the_text_and_as_long_as_they_may_be() -> None:
    text = " ".join(f"word{number}" for number in range(1000))
    found = cut(text, tokens=52, overlap=5)
    assert all(text[start : start + len(piece)] == piece == given for start, piece, given in found)
    assert {len(piece.split()) for _, piece, _ in found[:-1]} == {50}
    covered = {start + n for start, piece, _ in found for n in range(len(piece))}
    assert {n for n, character in enumerate(text) if character != " "} <= covered


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_sections(newline: str) -> None:
    text = newline.join(
        [
            "before", "", "# One", "", "## Two", "text", "```", "# no heading", "```", "",
            "> # nor this", "", "Three", "=====", "", "#### Four", "", "# Five", "", "end",
        ]
    )  # fmt: skip
    found = [(s.headings, text[s.body : s.end].strip()) for s in sections(text)]
    fence = newline.join(["text", "```", "# no heading", "```", "", "> # nor this"])
    assert found == [
        ((), "before"),
        (("One", "Two"), fence),
        (("Three",), "#### Four"),
        (("Five",), "end"),
    ]


def test_headings_count_as_the_text_they_stand_before() -> None:
    text = "# A heading of five words\n\n" + "word " * 100
    found = cut(text, tokens=22, format="markdown", headings=True)
    assert all(given == f"A heading of five words\n\n{piece}" for _, piece, given in found)
    assert {len(given.split()) for _, _, given in found[:-1]} == {20}


def test_a_heading_that_is_too_long_to_be_repeated_is_a_text() -> None:
    text = "# " + "long " * 40 + "\n\nbody"
    found = cut(text, tokens=12, format="markdown", headings=True)
    assert " ".join(given for _, _, given in found).count("long") == 40
    assert all(piece == given for _, piece, given in found)


def test_long_texts_are_cut_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(splitting, "BLOCK", 2_000)
    for unit in ("A sentence that ends. ", "x", "e\u0301", "line\n"):
        text = unit * (100_000 // len(unit))
        found = cut(text, characters=100)
        assert all(text[start : start + len(piece)] == piece for start, piece, _ in found)
        assert max(len(piece) for _, piece, _ in found) <= 100
        joined = "".join(piece for _, piece, _ in found)
        assert re.sub(r"\s", "", joined) == re.sub(r"\s", "", text)
        if unit == "e\u0301":
            assert all(len(piece) % 2 == 0 for _, piece, _ in found)


def test_a_long_text_is_not_counted_to_its_end_for_every_chunk() -> None:
    words = Words()
    text = "\n".join(f"some words in line {number}" for number in range(2_000))
    list(Splitter(PLAIN | {"tokens": 20}, words).split(text))
    assert words.longest < len(text) / 20


def test_white_space_that_postgresql_takes_for_text() -> None:
    assert cut("\u00a0\u3000 ", characters=10) == [(0, "\u00a0\u3000 ", "\u00a0\u3000 ")]
    assert cut("", characters=10) == []


def test_what_cannot_work_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="counts no tokens") as caught:
        Splitter(PLAIN | {"tokens": 10}, HashEmbedder())
    assert caught.value.hint is not None and "characters" in caught.value.hint

    class Prompted(Words):
        def count_tokens(self, texts: Sequence[str], kind: Kind = "document") -> list[int]:
            return [one + 10 for one in super().count_tokens(texts, kind)]

    with pytest.raises(ConfigError, match="no room"):
        Splitter(PLAIN | {"tokens": 12}, Prompted())
    monkeypatch.setitem(sys.modules, "semantic_text_splitter", None)
    with pytest.raises(ConfigError, match="semantic-text-splitter") as caught:
        Splitter(PLAIN | {"characters": 10}, HashEmbedder())
    assert caught.value.hint == "pip install 'sqlembed[chunking]'"
