"""Real text in through SQL, and back out through SQL, with a real model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psycopg
import pytest
from pgvector.psycopg import register_vector

from sqlembed.embedders import builtin
from sqlembed.server import psql_path
from tests.fix_worker import StartWorker

pytestmark = pytest.mark.model

REPORTS = [
    "Trees and power lines down near the highway.",
    "Power line down on a house, no injuries.",
    "A roof was blown off a barn.",
    "Quarter-sized hail covered the lawn.",
    "Hen egg sized hail broke windows of cars.",
    "A tornado crossed the road and lifted.",
    "A brief rope tornado in an open field.",
    "Flash flooding closed two streets.",
    "A mobile home was overturned by the wind.",
    "Semi truck blown over on the interstate.",
]
INSERT = "insert into wind_report (comments) values ('{}')"
QUERY = "power line down on a home"


def sqlembed(url: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "sqlembed", *arguments, "--database-url", url],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def loaded(url: str, tmp_path: Path, start_worker: StartWorker) -> str:
    """URL of a database in which a worker lives and the reports are loaded and embedded."""
    start_worker(builtin.registry())
    file = tmp_path / "reports.csv"
    file.write_text("kind,comments\n" + "".join(f'wind,"{text}"\n' for text in REPORTS))
    sqlembed(url, "load", str(file), "--table", "wind_report", "--source", "comments")
    return url


def test_every_road_to_a_search_finds_the_same(loaded: str) -> None:
    answer = json.loads(sqlembed(loaded, "search", "wind_report", QUERY, "-k", "3", "--json"))
    by_command = [hit["comments"] for hit in answer["hits"]]
    assert by_command[0] == "Power line down on a house, no injuries."
    assert by_command[1] == "Trees and power lines down near the highway."

    def psql(statement: str) -> list[str]:
        done = subprocess.run(
            [psql_path(), loaded, "-X", "-A", "-t", "-c", statement],
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.splitlines()

    by_function = psql(
        f"select (base).comments from sqlembed.search(null::wind_report, '{QUERY}', k => 3)"
    )
    by_hand = psql(
        "select comments from wind_report order by embedding <=>"
        f" (select sqlembed.embed('minilm', '{QUERY}')) limit 3"
    )
    assert by_command == by_function == by_hand


def test_exact_search_agrees_with_numpy(loaded: str) -> None:
    with psycopg.connect(loaded, autocommit=True) as connection:
        register_vector(connection)
        rows = connection.execute("select id, embedding from wind_report").fetchall()
        vectors = np.array([np.asarray(vector.to_list()) for _, vector in rows])
        query = builtin.registry().get("minilm").embed([QUERY], "query")[0]
        cosine = 1 - vectors @ query / np.linalg.norm(vectors, axis=1) / np.linalg.norm(query)
        wanted = [rows[position][0] for position in np.argsort(cosine)[:5]]
        hits = connection.execute(
            "select (base).id, distance from"
            " sqlembed.search(null::wind_report, %s, k => 5, mode => 'exact')",
            (QUERY,),
        ).fetchall()
    assert [key for key, _ in hits] == wanted
    assert np.allclose([distance for _, distance in hits], np.sort(cosine)[:5], atol=1e-6)


def test_similarity_agrees_with_the_library(loaded: str) -> None:
    from sentence_transformers import util

    a, b = "How to bake a cake", "Recipes for desserts"
    vectors = builtin.registry().get("minilm").embed([a, b])
    wanted = float(util.cos_sim(vectors[:1], vectors[1:])[0][0])
    with psycopg.connect(loaded) as connection:
        row = connection.execute("select sqlembed.similarity('minilm', %s, %s)", (a, b)).fetchone()
    assert row is not None
    assert abs(row[0] - wanted) < 1e-4


def test_a_row_inserted_by_psql_is_found_soon(loaded: str) -> None:
    text = "A cow was carried off by the storm."
    subprocess.run(
        [psql_path(), loaded, "-X", "-q", "-c", INSERT.format(text)],
        check=True,
    )
    with psycopg.connect(loaded, autocommit=True) as connection:
        until = time.monotonic() + 10
        first: object = None
        while first != text and time.monotonic() < until:
            row = connection.execute(
                "select (base).comments from"
                " sqlembed.search(null::wind_report, 'livestock in the air', k => 1)"
            ).fetchone()
            first = row and row[0]
    assert first == text
