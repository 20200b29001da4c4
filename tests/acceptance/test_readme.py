"""Every block of the README runs, in order, and prints what it says."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
from pathlib import Path
from textwrap import indent

import psycopg
import pytest

from sqlembed.embedders import builtin
from sqlembed.server import psql_path
from tests.fix_scram import ADMINISTER_CLUSTER, ADMINISTER_DATABASE, ADMINISTER_ROLES
from tests.fix_worker import StartWorker

README = Path(__file__).parents[2] / "README.md"
ARTICLE = README.parent / "tests" / "benchmarks" / "article.sql"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

#: What shows something and does nothing, and what other tests run.
NOT_RUN_HERE = {"mermaid", "dba", "revision"}


def run_sql(url: str, statements: str) -> str:
    """Return what psql prints, without the tags of commands."""
    done = subprocess.run(
        [psql_path(), url, "-X", "-q", "-v", "ON_ERROR_STOP=1"],
        input=statements,
        capture_output=True,
        text=True,
        env={**os.environ, "PGCLIENTENCODING": "UTF8"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_python(code: str, names: dict[str, object]) -> str:
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(compile(code, "README.md", "exec", dont_inherit=True), names)
    return output.getvalue()


def tidy(output: str) -> str:
    return "\n".join(line.rstrip() for line in output.strip("\n").splitlines())


@pytest.mark.model
def test_blocks_print_what_the_readme_says(url: str, start_worker: StartWorker) -> None:
    start_worker(builtin.registry())
    text = README.read_text(encoding="utf-8")
    names: dict[str, object] = {
        "database_url": url.replace("postgresql://", "postgresql+psycopg://")
    }
    printed: str | None = None
    # The first statement shows the idea on a table that is made further down.
    blocks = list(BLOCK.finditer(text))[1:]
    renewed = text
    for block in blocks:
        language, body = block.groups()
        if language == "sql":
            printed = run_sql(url, body)
        elif language == "python":
            printed = run_python(body, names)
            wait_until_embedded(url)
        elif language == "output":
            assert printed is not None
            if os.environ.get("SQLEMBED_TEST_RENEW"):
                renewed = renewed.replace(block.group(), f"```output\n{tidy(printed)}\n```", 1)
            else:
                assert tidy(printed) == tidy(body)
        else:
            assert language in NOT_RUN_HERE, f"a block of {language} is run by nothing"
    names["engine"].dispose()  # type: ignore[attr-defined]
    if renewed != text:
        README.write_text(renewed, encoding="utf-8")


def wait_until_embedded(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for (relation,) in connection.execute(
            "select distinct relation::text from sqlembed.embedding"
        ).fetchall():
            connection.execute("call sqlembed.wait_until_embedded(%s)", (relation,))


def test_every_function_and_view_is_in_the_reference(
    connection: psycopg.Connection[tuple[object, ...]],
) -> None:
    text = README.read_text(encoding="utf-8")
    names = connection.execute(
        """
        select distinct proname from pg_proc
        where pronamespace = 'sqlembed'::regnamespace and proname not like '\\_%'
        union
        select relname from pg_class
        where relnamespace = 'sqlembed'::regnamespace and relkind = 'v' and relname not like '\\_%'
        """
    ).fetchall()
    missing = [str(name) for (name,) in names if not re.search(rf"`[^`]*\b{name}\b", text)]
    assert names
    assert missing == []


def test_the_storm_reports_are_those_of_the_benchmark() -> None:
    text = README.read_text(encoding="utf-8")
    statements = ARTICLE.read_text(encoding="utf-8").strip().split("\n\n")
    shown = [indent(statement, "    ") in text for statement in statements]
    # What waits is not shown.
    assert shown == [not statement.startswith("call") for statement in statements]


def test_administrators_are_told_what_the_password_tests_run() -> None:
    told = [body for language, body in BLOCK.findall(README.read_text()) if language == "dba"]
    run = (ADMINISTER_CLUSTER, ADMINISTER_DATABASE, ADMINISTER_ROLES)
    assert told == [script.lstrip() for script in run]
