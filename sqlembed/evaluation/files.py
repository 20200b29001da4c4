"""Queries and judgements as BEIR keeps them: ``queries.jsonl`` and ``qrels/test.tsv``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

from sqlembed.errors import InputError

#: Of each query, the grade of each document that somebody looked at.
Judgements: TypeAlias = dict[str, dict[str, int]]

HEADER = ["query-id", "corpus-id", "score"]


def read_queries(path: Path) -> dict[str, str]:
    """Return the texts of the queries by their ids.

    Raises:
        InputError: a line is no query, an id comes twice, or there is none at all.
    """
    queries: dict[str, str] = {}
    for number, line in _lines(path):
        if not line.strip():
            continue
        try:
            found: Any = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise _broken(path, number, f"this is no JSON: {error}") from error
        name, text = (
            (found.get("_id"), found.get("text")) if isinstance(found, dict) else (None, None)
        )
        if isinstance(name, int) and not isinstance(name, bool):
            name = str(name)
        if not isinstance(name, str) or not isinstance(text, str) or not text.strip():
            raise _broken(
                path, number, "a query has an _id and a text", '{"_id": "1", "text": "..."}'
            )
        if name in queries:
            raise _broken(path, number, f"query {name} is there twice")
        queries[name] = text
    if not queries:
        raise InputError(
            f"{path.name} holds no queries", hint='Every line is like {"_id": "1", "text": "..."}.'
        )
    return queries


def read_judgements(path: Path) -> Judgements:
    """Return the grades of a file with the columns query-id, corpus-id and score.

    Raises:
        InputError: a line is no judgement, two disagree, or there is none at all.
    """
    judged: Judgements = {}
    header = "\t".join(HEADER)
    number = 0
    for number, line in _lines(path):
        fields = line.rstrip("\r\n").split("\t")
        if number == 1:
            if fields != HEADER:
                raise _broken(path, 1, "the header is missing", header)
            continue
        if fields == [""]:
            continue
        try:
            query, document, score = fields
            grade = int(score)
        except ValueError as error:
            hint = "Tabs stand between the columns, and the score is a whole number."
            raise _broken(path, number, "this is no judgement", header, hint) from error
        if judged.setdefault(query, {}).setdefault(document, grade) != grade:
            raise _broken(path, number, f"document {document} has another score already")
    if not judged:
        raise InputError(f"{path.name} holds no judgements", hint=f"It begins with: {header}")
    return judged


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="\n") as lines:
            yield from enumerate(lines, start=1)
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name} is not text in UTF-8", hint=str(error)) from error


def _broken(
    path: Path, number: int, problem: str, example: str | None = None, hint: str = ""
) -> InputError:
    shown = f"It is like: {example}" if example else ""
    return InputError(
        f"{path.name}, line {number}: {problem}", hint=" ".join(filter(None, (shown, hint))) or None
    )
