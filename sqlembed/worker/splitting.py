"""Long texts to chunks: by the embedder's own tokens, at good places, never inside a character."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlembed.errors import ConfigError
from sqlembed.worker.headings import Section, sections

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlembed.embedders import Embedder

#: Characters that are cut in one go, where chunks are much smaller: the splitter looks at all of a
#: text for each chunk. Nothing overlaps from one such block to the next.
BLOCK = 50_000

#: Blocks' worth of text that is cut into blocks in one go.
WINDOW = 10

#: Characters a token hardly ever has on average: a text of more is not counted to its end.
LONG_TOKEN = 8

#: Tokens more than fit that show beyond doubt, though a word was cut off, that a text is too long.
MARGIN = 16


class Splitter:
    """Cuts texts as an embedding was declared to.

    Args:
        chunking: the declaration, every key given.
        embedder: counts tokens.

    Raises:
        ConfigError: the library is missing, or the embedder does not count tokens.
    """

    def __init__(self, chunking: Mapping[str, Any], embedder: Embedder) -> None:
        try:
            from semantic_text_splitter import MarkdownSplitter, TextSplitter
        except ImportError as error:
            raise ConfigError(
                "cutting long texts needs the library semantic-text-splitter",
                hint="pip install 'sqlembed[chunking]'",
            ) from error
        self._class: Any = MarkdownSplitter if chunking["format"] == "markdown" else TextSplitter
        self._embedder = embedder
        self._by_tokens = "tokens" in chunking
        self._most = int(chunking["tokens" if self._by_tokens else "characters"])
        self._overlap = int(chunking["overlap"])
        self._with_headings = bool(chunking["headings"])
        self._block = max(BLOCK, 2 * LONG_TOKEN * self._most)
        # What an embedder puts around every text: a prompt, marks of beginning and end.
        self._around = 0
        if self._by_tokens:
            self._around = self._count("")
            if self._most <= self._around:
                raise ConfigError(
                    f"chunks of {self._most} tokens leave no room for text: embedder "
                    f"{embedder.name!r} puts {self._around} tokens of its own into each"
                )
            self._most -= self._around

    def split(self, text: str) -> Iterator[tuple[int, str, str]]:
        """Yield the chunks of a text: where each begins, itself, and what is to be embedded."""
        is_cut = False
        for section in sections(text) if self._with_headings else [Section(0, 0, len(text), ())]:
            above = _before(self._fitting(section.headings))
            # A heading that is too long to be repeated is a text itself.
            begin = section.body if above else section.start
            room = max(1, self._most - self._size(above))
            for start, piece in self._pieces(text[begin : section.end], room):
                is_cut = True
                yield begin + start, piece, above + piece
        if not is_cut and text:
            # White space, but not what PostgreSQL takes for blank.
            yield 0, text[: self._most], text[: self._most]

    def _pieces(self, text: str, room: int) -> Iterator[tuple[int, str]]:
        overlap = min(self._overlap, room - 1)
        if self._by_tokens:
            splitter = self._class.from_callback(
                lambda piece: self._size(piece, room), room, overlap
            )
        else:
            splitter = self._class(room, overlap)
        for begin, block in self._blocks(text):
            for start, piece in splitter.chunk_indices(block):
                yield begin + start, piece

    def _blocks(self, text: str) -> Iterator[tuple[int, str]]:
        if len(text) <= self._block:
            yield 0, text
            return
        splitter = self._class(self._block, trim=False)
        start = 0
        while start < len(text):
            window = text[start : start + WINDOW * self._block]
            blocks = splitter.chunk_indices(window)
            if start + len(window) < len(text):
                # The last one may end where the window does, and not at a good place.
                blocks.pop()
            for begin, block in blocks:
                yield start + begin, block
            start += sum(len(block) for _, block in blocks)

    def _fitting(self, headings: tuple[str, ...]) -> tuple[str, ...]:
        """Return the innermost headings, as many as take half of a chunk."""
        while headings and self._size(_before(headings)) > self._most // 2:
            headings = headings[1:]
        return headings

    def _size(self, text: str, room: int | None = None) -> int:
        """Measure a text; one of more than ``room`` perhaps not to its end."""
        if not self._by_tokens:
            return len(text)
        if room is not None and len(text) > (probe := LONG_TOKEN * (room + MARGIN)):
            counted = self._count(text[:probe]) - self._around
            if counted > room + MARGIN:
                return counted
        return self._count(text) - self._around

    def _count(self, text: str) -> int:
        counts = self._embedder.count_tokens([text])
        if counts is None:
            raise ConfigError(
                f"embedder {self._embedder.name!r} counts no tokens",
                hint="declare it with chunking => '{\"characters\": 1000}'",
            )
        return counts[0]


def _before(headings: tuple[str, ...]) -> str:
    return "".join(f"{heading}\n" for heading in headings) + "\n" if headings else ""
