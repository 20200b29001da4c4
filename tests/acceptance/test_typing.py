"""A program that uses the ORM is checked by mypy, which knows the rows that it gets."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
RIGHT = ROOT / "tests" / "unit" / "test_orm_typing.py"
WRONG = """
from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlembed.orm import search
from tests.integration.orm_models import Article


def wrong(session: Session) -> None:
    hits = search(Article, "food")
    for article, distance in session.execute(select(hits.entity, hits.distance)):
        article.heading
        distance.upper()
    hits.title
"""


def test_mypy_knows_the_rows(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.py"
    wrong.write_text(WRONG)

    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--no-error-summary", str(RIGHT), str(wrong)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )

    errors = [line.split("error: ")[-1] for line in done.stdout.splitlines()]
    assert errors == [
        '"Article" has no attribute "heading"  [attr-defined]',
        '"float" has no attribute "upper"  [attr-defined]',
        '"Hits[Article]" has no attribute "title"  [attr-defined]',
    ], done.stdout + done.stderr
