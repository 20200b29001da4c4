"""``embed()`` in a statement: one SQL text, whether this process or a worker answers."""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any

import sqlalchemy as sa
from pgvector.sqlalchemy import VECTOR
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from sqlembed.embedders import Embedder, Registry
from sqlembed.errors import InputError
from sqlembed.orm.greenlets import off_the_loop

#: What the session that executes a statement can answer; unset outside an attached session.
current_answers: ContextVar[Answers | None] = ContextVar("sqlembed_answers", default=None)


def embed(embedder: str, text: str | sa.SQLColumnExpression[Any] | None) -> sa.ColumnElement[Any]:
    """Returns the vector of a text, as a SQL expression that runs once a statement.

    In a session that is attached to a registry with this embedder, the process computes the
    vector and sends it along; anywhere else a worker answers. The database refuses a vector that
    another embedder made than the one it knows by that name.

    Example::

        nearest = Article.embedding.cosine_distance(sqlembed.embed("minilm", "food"))
        session.scalars(select(Article).order_by(nearest).limit(5))

    Args:
        embedder: name of the embedder.
        text: what to embed, as a query; NULL, empty and blank texts give NULL. For a SQL
            expression, as a column, the vector always comes from a worker.

    Raises:
        InputError: the embedder is not named by a text.
    """
    if not isinstance(embedder, str) or not embedder.strip():
        raise InputError(f"embed() takes the name of an embedder, not {embedder!r}")
    name = sa.bindparam(None, embedder, type_=sa.Text(), unique=True)
    if text is None or isinstance(text, str):
        return Embed(name, Question(embedder, text))
    return Embed(name, text)


class Question:
    """A text that a statement wants as a vector.

    Args:
        embedder: the embedder that a process should ask; ``None`` leaves it to the database.
        text: the text; SQL decides on one that is blank, which has no vector.
    """

    def __init__(self, embedder: str | None, text: str | None) -> None:
        self.embedder = embedder
        self.text = text

    def vector(self) -> Any:
        """Returns the vector, ``None`` where the database has to find it."""
        return self._answer()[0]

    def fingerprint(self) -> str | None:
        """Returns what made the vector, ``None`` where there is none."""
        return self._answer()[1]

    def _answer(self) -> tuple[Any, str | None]:
        answers = current_answers.get()
        return (None, None) if answers is None else answers.of(self)


class EmbedGiven(FunctionElement[Any]):
    """A call of ``sqlembed.embed_given``, whose bind values are found when it is executed.

    Args:
        embedder: SQL for the embedder's name.
        text: the question, or SQL for the text.
    """

    inherit_cache = True
    name = "embed"
    type = VECTOR()

    def __init__(
        self, embedder: sa.ColumnElement[Any], text: Question | sa.SQLColumnExpression[Any]
    ) -> None:
        self.question: Question | None = None
        if not isinstance(text, Question):
            super().__init__(embedder, text, sa.null(), sa.null())
            return
        self.question = text
        # VECTOR is bound without a cast, so that its schema need not be on the search path.
        super().__init__(
            embedder,
            sa.bindparam(None, text.text, type_=sa.Text(), unique=True),
            sa.bindparam(None, callable_=text.vector, type_=VECTOR(), unique=True),
            sa.bindparam(None, callable_=text.fingerprint, type_=sa.Text(), unique=True),
        )


class Embed(EmbedGiven):
    """The same as a scalar sub-select: PostgreSQL runs it once, and an index can be used."""

    inherit_cache = True


@compiles(EmbedGiven)
def _embed_given(element: EmbedGiven, compiler: SQLCompiler, **kw: Any) -> str:
    return f"sqlembed.embed_given({compiler.process(element.clauses, **kw)})"


@compiles(Embed)
def _embed(element: Embed, compiler: SQLCompiler, **kw: Any) -> str:
    return f"(SELECT {_embed_given(element, compiler, **kw)})"


class Answers:
    """Vectors that this process computes for one execution of a statement.

    Args:
        registry: the embedders it has.
    """

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._known: dict[tuple[str, str], tuple[Any, str]] = {}

    def find(self, questions: Iterable[Question]) -> None:
        """Computes vectors, in one call for all texts of an embedder."""
        wanted: dict[str, dict[str, None]] = {}
        for question in questions:
            if (key := self._key(question)) is not None and key not in self._known:
                wanted.setdefault(key[0], {})[key[1]] = None
        for name, texts in wanted.items():
            self._compute(self.registry.get(name), list(texts))

    def of(self, question: Question) -> tuple[Any, str | None]:
        """Returns the vector and its embedder's fingerprint, ``None`` and ``None`` without one."""
        key = self._key(question)
        if key is None:
            return None, None
        # SQLAlchemy builds some statements itself, from options, after the others were looked at.
        self.find([question])
        return self._known[key]

    def _key(self, question: Question) -> tuple[str, str] | None:
        name, text = question.embedder, question.text
        # Python sees more characters as white space than PostgreSQL, which has the last word.
        if name is None or text is None or not text.strip() or name not in self.registry:
            return None
        return name, text

    def _compute(self, embedder: Embedder, texts: list[str]) -> None:
        vectors = off_the_loop(lambda: embedder.embed(texts, "query"))
        fingerprint = embedder.fingerprint
        for text, vector in zip(texts, vectors, strict=True):
            self._known[embedder.name, text] = vector, fingerprint
