"""``sqlembed evaluate`` on a table of five notes and a BEIR folder made on the spot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sqlembed.cli import run
from sqlembed.embedders import HashEmbedder, Registry
from tests.fix_database import Connection
from tests.fix_worker import StartWorker
from tests.sql.searching import literal, rows

TITLES = ("cheap food in town", "a house by the sea", "good food", "how to sail", "sailing the sea")
QUERIES = {"q1": "good food", "q2": "sail", "unjudged": "nothing"}
QRELS = "query-id\tcorpus-id\tscore\nq1\tdoc 3\t2\nq1\tdoc 1\t1\nq2\tdoc 4\t1\nq2\tdoc 5\t1\n"

#: What the commands of these tests import.
registry = Registry()
registry.add(HashEmbedder("hash", 64))
REGISTRY = f"{__name__}:registry"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    queries = [json.dumps({"_id": name, "text": text}) for name, text in QUERIES.items()]
    (tmp_path / "queries.jsonl").write_text("\n".join(queries))
    (tmp_path / "test.tsv").write_text(QRELS)
    return tmp_path


@pytest.fixture
def notes(connection: Connection) -> Connection:
    """The table ``note``, whose key is a number and whose slug is what is judged."""
    embedder = HashEmbedder("hash", 64)
    rows(connection, "select sqlembed.register_embedder('hash', 64, %s)", embedder.fingerprint)
    connection.execute("create table note (id int primary key, slug text, title text)")
    connection.execute(
        "select sqlembed.create_embedding('note', 'hash', 'title', full_text => 'english')"
    )
    for number, title in enumerate(TITLES, start=1):
        rows(
            connection,
            "insert into note values (%s, 'doc ' || %s, %s, %s) returning id",
            number, number, title, literal(embedder.embed([title])[0]),
        )  # fmt: skip
    return connection


class Evaluate:
    """Runs the command in this process."""

    def __init__(self, folder: Path, url: str, capsys: pytest.CaptureFixture[str]) -> None:
        self.files = (
            "--queries",
            str(folder / "queries.jsonl"),
            "--qrels",
            str(folder / "test.tsv"),
        )
        self.url, self.capsys = url, capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        given = ("evaluate", "note", *self.files, "--database-url", self.url)
        self.capsys.readouterr()
        code = run([*given, "--registry", REGISTRY, *arguments])
        return (code, *self.capsys.readouterr())

    def document(self, *arguments: str) -> Any:
        code, output, error = self("--id-column", "slug", "--json", *arguments)
        assert code == 0, error
        return json.loads(output)

    def refusal(self, *arguments: str) -> str:
        code, output, error = self(*arguments)
        assert (code, output) == (2, "")
        return error


@pytest.fixture
def evaluate(
    notes: Connection, folder: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> Evaluate:
    return Evaluate(folder, url, capsys)


def test_every_mode(evaluate: Evaluate) -> None:
    found = evaluate.document()

    results = {result["mode"]: result for result in found.pop("results")}
    assert found == {
        "table": "note", "embedding": "embedding", "k": 100, "queries": 2, "judgements": 4,
    }  # fmt: skip
    assert list(results) == ["vector", "exact", "hybrid", "text"]
    for result in results.values():
        assert set(result) == {"mode", "ndcg_at_10", "recall", "mrr", "milliseconds"}
        assert result["milliseconds"] > 0
    # Words put both in the best order.
    assert results["text"] | {"milliseconds": 0} == {
        "mode": "text", "ndcg_at_10": 1, "recall": 1, "mrr": 1, "milliseconds": 0,
    }  # fmt: skip
    # Five rows are all found, whatever their order.
    assert {result["recall"] for result in results.values()} == {1}
    assert results["exact"]["ndcg_at_10"] == results["vector"]["ndcg_at_10"] < 1


def test_a_worker_embeds_the_queries(evaluate: Evaluate, start_worker: StartWorker) -> None:
    alone = evaluate.document("--mode", "exact", "--mode", "hybrid")["results"]
    start_worker(registry)

    # Which this process does not have.
    served = evaluate.document("--mode", "exact", "--mode", "hybrid", "--registry", "no.such:thing")

    for one, other in zip(alone, served["results"], strict=True):
        assert one | {"milliseconds": 0} == other | {"milliseconds": 0}


def test_words_need_no_embedder(evaluate: Evaluate) -> None:
    found = evaluate.document("--mode", "text", "--registry", "no.such:thing")
    assert [result["mode"] for result in found["results"]] == ["text"]


def test_the_table_that_is_printed(evaluate: Evaluate) -> None:
    code, output, _ = evaluate("--id-column", "slug", "-k", "10", "--mode", "text")

    lines = output.splitlines()
    assert code == 0
    assert lines[0].split() == ["mode", "nDCG@10", "recall@10", "MRR", "ms"]
    assert lines[1].split()[:4] == ["text", "1.0000", "1.0000", "1.0000"]
    assert lines[-1] == "2 queries, 4 judgements."


def test_what_weights_do(evaluate: Evaluate) -> None:
    def ndcg(weight: str) -> float:
        [result] = evaluate.document("--mode", "hybrid", "--text-weight", weight)["results"]
        return float(result["ndcg_at_10"])

    [exact] = evaluate.document("--mode", "exact")["results"]
    assert ndcg("0") == pytest.approx(exact["ndcg_at_10"])
    assert ndcg("1000") == pytest.approx(1)


def test_the_key_is_what_is_judged(evaluate: Evaluate, folder: Path) -> None:
    assert "none of the judged documents is in note" in evaluate.refusal()
    (folder / "test.tsv").write_text(QRELS.replace("doc ", ""))
    assert evaluate("--mode", "text")[0] == 0
    (folder / "test.tsv").write_text(QRELS.replace("doc ", "") + "q2\t99\t1\n")
    code, output, error = evaluate("--mode", "text")
    assert "1 of 5 judged documents are not in note." in error
    # It counts as one that was not found.
    assert (code, output.splitlines()[1].split()[2]) == (0, "0.8333")


def test_a_key_of_several_columns(evaluate: Evaluate, notes: Connection) -> None:
    notes.execute(
        """
        select sqlembed.drop_embedding('note');
        alter table note drop constraint note_pkey, add primary key (id, slug);
        select sqlembed.create_embedding('note', 'hash', 'title');
        """
    )
    assert "has a key of several columns" in evaluate.refusal()
    assert evaluate("--id-column", "slug")[0] == 0


def test_what_is_refused(evaluate: Evaluate, folder: Path) -> None:
    assert "has no column slugg" in evaluate.refusal("--id-column", "slugg")
    assert "has no embedding" in evaluate.refusal("--embedding", "other")
    assert "no worker serves" in evaluate.refusal(
        "--id-column", "slug", "--registry", "sqlembed.embedders.builtin:registry"
    )
    (folder / "test.tsv").write_text(QRELS.replace("q", "x").replace("xuery", "query"))
    assert "none of the queries is judged" in evaluate.refusal("--id-column", "slug")
    (folder / "test.tsv").write_text("q1 doc 1")
    assert "test.tsv, line 1: the header is missing" in evaluate.refusal()
    (folder / "queries.jsonl").write_text("{")
    assert "queries.jsonl, line 1: this is no JSON" in evaluate.refusal()
