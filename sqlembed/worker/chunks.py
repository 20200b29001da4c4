"""Long texts: cut, only new pieces embedded, all pieces of a row written at once."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import psycopg

from sqlembed.errors import ConfigError
from sqlembed.worker.compute import digest
from sqlembed.worker.limits import VECTOR_BUDGET
from sqlembed.worker.rows import Chunk, Document
from sqlembed.worker.setting_apart import is_lost, write_apart
from sqlembed.worker.splitting import Splitter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlembed.embedders import Embedder
    from sqlembed.worker.cache import Cache
    from sqlembed.worker.compute import Computed, Computer
    from sqlembed.worker.jobs import Jobs
    from sqlembed.worker.limits import WriteSizes
    from sqlembed.worker.rests import Rest
    from sqlembed.worker.rows import Source, Work


class ChunkedRows:
    """Brings rows up to date whose texts are cut into chunks.

    Args:
        jobs: the queue.
        cache: vectors that are known.
        computer: calls the embedders.
        sizes: how much a statement writes.
        between: called between two chunks, two calls of the embedder or two writes, for what
            cannot wait.
    """

    def __init__(
        self,
        jobs: Jobs,
        cache: Cache,
        computer: Computer,
        sizes: WriteSizes,
        between: Callable[[], None],
    ) -> None:
        self._jobs = jobs
        self._cache = cache
        self._computer = computer
        self._sizes = sizes
        self._between = between

    def bring(self, work: Work, embedder: Embedder, sources: Sequence[Source]) -> Rest | None:
        """Cut, embed and write rows; returns why the embedder stopped, if it did.

        Raises:
            ConfigError: the embedder cannot count what the texts are to be cut by.
            psycopg.Error: the table could not be written at all.
        """
        assert work.batch.description.chunking is not None
        splitter = Splitter(work.batch.description.chunking, embedder)
        at_once = max(1, VECTOR_BUDGET // (4 * embedder.dimensions))
        for documents in self._cut(work, splitter, sources, at_once):
            computed = self._compute(work, embedder, documents)
            ready = []
            for document in documents:
                bad = [c for c in document.chunks if c.hash in computed.errors]
                if bad:
                    work.bad[document.key] = computed.errors[bad[0].hash]
                elif all(chunk.hash in computed.vectors for chunk in document.chunks):
                    ready.append(document)
            chunks = [chunk for document in documents for chunk in document.chunks]
            try:
                self._write_all(work, ready, computed)
            except psycopg.Error as error:
                if not is_lost(error):
                    # As with whole texts.
                    self._cache.keep(embedder.fingerprint, chunks, computed, work.batch.keys)
                raise
            # Those of a row with one bad chunk, too: it is tried again.
            unwritten = set(work.batch.keys) - work.done
            self._cache.keep(embedder.fingerprint, chunks, computed, unwritten)
            if computed.rest is not None:
                return computed.rest
        return None

    def _cut(
        self, work: Work, splitter: Splitter, sources: Sequence[Source], at_once: int
    ) -> Iterator[list[Document]]:
        """Yield rows with their chunks, so many chunks at a time, or one row that has more."""
        documents: list[Document] = []
        count = 0
        for source in sources:
            chunks: list[Chunk] = []
            try:
                for start, text, given in splitter.split(source.text or ""):
                    chunks.append(Chunk(source.key, start, text, given, digest(given)))
                    self._between()
            except ConfigError:
                raise
            except Exception as error:
                # A tokenizer is the embedder's own code.
                work.bad[source.key] = f"cutting the text failed: {type(error).__name__}: {error}"
                continue
            if documents and count + len(chunks) > at_once:
                yield documents
                documents, count = [], 0
            documents.append(Document(source, chunks))
            count += len(chunks)
        if documents:
            yield documents

    def _compute(self, work: Work, embedder: Embedder, documents: Sequence[Document]) -> Computed:
        inputs = {chunk.hash: chunk.input for document in documents for chunk in document.chunks}
        stored = self._jobs.known_chunks(work.batch, [document.source for document in documents])
        known = {key: vector for key, vector in stored.items() if key in inputs}
        known |= self._cache.read(embedder.fingerprint, [key for key in inputs if key not in known])
        missing = {key: text for key, text in inputs.items() if key not in known}
        computed = self._computer.compute(embedder, "document", missing, self._between)
        computed.vectors |= known
        computed.cached = known.keys()
        return computed

    def _write_all(self, work: Work, ready: Sequence[Document], computed: Computed) -> None:
        def write(part: Sequence[Document]) -> set[str]:
            return self._jobs.write_chunks(work.batch, part, computed.vectors)

        start = 0
        while start < len(ready):
            if start:
                self._between()
            most = self._sizes.of(work.batch.embedding)
            end, count = start + 1, len(ready[start].chunks)
            while end < len(ready) and end - start + count + len(ready[end].chunks) <= most:
                count += len(ready[end].chunks)
                end += 1
            began = time.monotonic()
            work.done |= write_apart(write, ready[start:end], work.bad)
            self._sizes.learn(work.batch.embedding, end - start + count, time.monotonic() - began)
            start = end
