"""The schema as it stands: a dump that is read in reviews, and the rules of a linter."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import psycopg

from sqlembed.server import psql_path

GOLDEN = Path(__file__).with_name("schema.sql")


def normalized(dump: str) -> str:
    """Return a dump without comments, owners, and the bodies of functions, which have files."""
    dump = re.sub(r"\\(un)?restrict .*\n", "", dump)
    dump = re.sub(r"^--.*\n", "", dump, flags=re.M)
    dump = re.sub(r"^COMMENT ON (?s:.*?);\n(?=\n)", "", dump, flags=re.M)
    dump = re.sub(r"^SET .*\n|^SELECT pg_catalog.set_config.*\n", "", dump, flags=re.M)
    dump = re.sub(r"\n    AS (\$\w*\$)(?s:.*?)\1;", ";", dump)
    return re.sub(r"\n{2,}", "\n\n", dump).strip() + "\n"


def test_the_schema_is_the_one_that_was_reviewed(url: str) -> None:
    """To renew the dump, delete it and run this test: it writes what it finds, and fails once."""
    with psycopg.connect(url) as connection:
        version = connection.info.server_version
    dumped = subprocess.run(
        [
            str(psql_path().parent / "pg_dump"),
            url,
            "--schema-only",
            "--no-owner",
            "--schema=sqlembed",
            "--schema=sqlembed_wire",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    found = normalized(dumped.stdout)
    if not GOLDEN.exists():
        GOLDEN.write_text(found, encoding="utf-8")
        raise AssertionError(f"{GOLDEN.name} has been written: read it, and run this again")
    # Other versions of PostgreSQL write some of it in other words.
    assert version < 180000 or found == GOLDEN.read_text(encoding="utf-8")


def test_no_function_that_forbids_a_plan_is_compiled(url: str) -> None:
    """Before version 18 what is forbidden costs so much that JIT finds every statement worth it."""
    with psycopg.connect(url) as connection:
        found = connection.execute(
            """
            select proname
            from pg_proc
            where array_to_string(proconfig, ' ') ~ 'enable_[a-z]+=off'
                and not 'jit=off' = any (proconfig)
            """
        ).fetchall()
    assert found == []
