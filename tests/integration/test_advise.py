"""``sqlembed advise`` on tables of a few hundred vectors."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest

from sqlembed.cli import run
from tests.fix_database import Connection
from tests.plans.test_smaller_indexes import DIMENSIONS, VECTORS, declare
from tests.sql.searching import make_items, rows

LEFT = "select count(*) from pg_class where relname like 'sqlembed_advice%'"


class Advise:
    """Runs the command in this process."""

    def __init__(self, url: str, capsys: pytest.CaptureFixture[str]) -> None:
        self.url, self.capsys = url, capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        self.capsys.readouterr()
        code = run(["advise", *arguments, "--database-url", self.url])
        return (code, *self.capsys.readouterr())

    def document(self, *arguments: str) -> Any:
        code, output, error = self(*arguments, "--json")
        assert code == 0, error
        return json.loads(output)


@pytest.fixture
def advise(url: str, capsys: pytest.CaptureFixture[str]) -> Advise:
    return Advise(url, capsys)


@pytest.fixture
def items(connection: Connection) -> Connection:
    """The table ``item`` of 1,000 vectors, which nobody has declared."""
    make_items(connection, VECTORS[:1000])
    rows(connection, "select sqlembed.register_embedder('vectors', %s)", DIMENSIONS)
    return connection


def test_every_option_is_measured(items: Connection, advise: Advise) -> None:
    before = rows(items, "select xmin::text, * from item order by id limit 5")

    found = advise.document("item", "--queries", "20")

    assert found | {"measured": None, "recommended": None} == {
        "table": "item", "embedding": "embedding", "metric": "cosine", "storage": "vector",
        "dimensions": 128, "rows": 1000, "sampled": 980, "queries": 20, "k": 10,
        "measured": None, "recommended": None, "statements": [],
    }  # fmt: skip
    options = {(one["storage"], one["index"], one["prefix"]): one for one in found["measured"]}
    assert list(options) == [
        ("vector", "none", None),
        ("vector", "hnsw", None),
        ("vector", "binary", None),
        ("vector", "prefix", 64),
        ("halfvec", "hnsw", None),
        ("halfvec", "binary", None),
    ]
    for one in found["measured"]:
        assert one["milliseconds"] > 0
        assert one["recall"] >= 0.95
        assert (one["index_size"] > 0) == (one["build_seconds"] > 0) == (one["index"] != "none")
    whole, half = options["vector", "none", None], options["halfvec", "hnsw", None]
    assert whole["recall"] == 1
    assert whole["column_size"] == pytest.approx(1000 * (4 * 128 + 8), rel=0.02)
    assert half["column_size"] == pytest.approx(1000 * (2 * 128 + 8), rel=0.02)
    assert options["vector", "binary", None]["index_size"] < (
        options["vector", "hnsw", None]["index_size"] / 2
    )
    # Nothing is left, and nothing was written.
    assert rows(items, LEFT) == [(0,)]
    assert rows(items, "select xmin::text, * from item order by id limit 5") == before
    assert rows(items, "select count(*) from pg_indexes where tablename = 'item'") == [(1,)]


def test_a_small_table_needs_no_index(items: Connection, advise: Advise) -> None:
    code, output, error = advise("item", "--queries", "5")

    lines = output.splitlines()
    assert (code, error) == (0, "")
    assert lines[0].split() == ["option", "recall@10", "ms", "column", "index", "build"]
    assert lines[1].split()[:4] == ["vector,", "no", "index", "1.000"]
    assert "Measured on 995 of 1000 rows of item, with 5 others searched for" in output
    assert "Recommended: vector, no index: no index is needed" in output


def test_a_sample_stands_for_all(items: Connection, advise: Advise) -> None:
    found = advise.document("item", "--sample", "200", "--queries", "10", "-k", "3")

    assert 150 <= found["sampled"] <= 200 and found["queries"] == 10 and found["k"] == 3
    assert found["measured"][0]["column_size"] == pytest.approx(1000 * (4 * 128 + 8), rel=0.02)


def test_statements_lead_there(
    items: Connection, advise: Advise, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As for a table in which comparing every row takes long.
    monkeypatch.setattr("sqlembed.cli.advisor.recommend", _smallest)
    items.execute("alter table item add body text default 'it''s 50 %'")

    for statement in advise.document("item", "--queries", "5")["statements"]:
        items.execute(statement.encode())

    ((kind,),) = rows(
        items,
        "select format_type(atttypid, atttypmod) from pg_attribute"
        " where attrelid = 'item'::regclass and attname = 'embedding'",
    )
    ((index,),) = rows(items, "select indexdef from pg_indexes where indexdef like '%%hnsw%%'")
    assert (kind, "bit_hamming_ops" in index) == ("halfvec(128)", True)

    # Declared, it is declared anew, and its vectors stay.
    items.execute("drop index item_binary_quantize_idx")
    items.execute("alter table item alter embedding type vector(128)")
    declare(items, "item", "hnsw", source="body || ' %'", metric="l1", on_change="keep")
    statements = advise.document("item", "--queries", "5")["statements"]
    assert [statement.split("(")[0] for statement in statements] == [
        "select sqlembed.drop_embedding",
        "alter table item alter column embedding type halfvec",
        "select sqlembed.create_embedding",
    ]
    for statement in statements:
        items.execute(statement.encode())
    assert rows(
        items,
        "select declared_source, metric, on_change, storage, index from sqlembed.embedding",
    ) == [("body || ' %'", "l1", "keep", "halfvec", "binary")]
    assert rows(items, "select count(embedding) from item") == [(1000,)]
    document = advise.document("item", "--queries", "5")
    assert document["statements"] == [] and document["storage"] == "halfvec"
    assert "That is how it is declared." in advise("item", "--queries", "5")[1]

    # Another index alone leaves the rest as it is.
    rows(items, "select sqlembed.alter_embedding('item', index => 'hnsw')")
    [statement] = advise.document("item", "--queries", "5")["statements"]
    assert "alter_embedding(" in statement
    items.execute(statement.encode())
    assert rows(items, "select index from sqlembed.embedding") == [("binary",)]


def _smallest(measured: Any, *_: Any) -> Any:
    from sqlembed.advice import Choice

    indexed = [one for one in measured if one.option.index == "binary"]
    return Choice(min(indexed, key=lambda one: one.size).option, "the smallest")


def test_vectors_in_a_side_table(items: Connection, advise: Advise) -> None:
    items.execute("create table entry (id int primary key, nth int)")
    declare(items, "entry", "none", place="side")
    items.execute("insert into entry select id, nth from item where id < 300")
    items.execute(
        "insert into entry_embedding (id, embedding, source_hash)"
        " select id, embedding, sha256(convert_to(nth::text, 'UTF8')) from item where id < 200"
    )

    found = advise.document("entry", "--queries", "10")

    assert (found["rows"], found["sampled"]) == (200, 190)
    assert len(found["measured"]) == 6


def test_unusual_tables(items: Connection, advise: Advise) -> None:
    items.execute('create table "T %s {x} \'" (id int, "V {0} %%" vector, other halfvec(4))')
    items.execute('insert into "T %s {x} \'" select id, embedding from item where id < 200')
    items.execute('insert into "T %s {x} \'" (id) select 1 from item')

    found = advise.document('"T %s {x} \'"', "--embedding", "V {0} %%", "--queries", "5")

    assert (found["dimensions"], found["rows"], len(found["measured"])) == (128, 200, 6)
    code, _, error = advise('"T %s {x} \'"')
    assert code != 0 and "several vector columns" in error


def test_what_cannot_be_measured(items: Connection, advise: Advise) -> None:
    items.execute("create table few as select * from item where id < 99")
    items.execute("create table empty (id int primary key, embedding vector(3))")
    items.execute("create table plain (id int primary key)")
    for table, message, hint in (
        ("few", "99 rows with a vector, too few", "index => 'none'"),
        ("empty", "0 rows with a vector, too few", "sqlembed worker"),
        ("plain", "has no vector column", "vector or halfvec"),
        ("missing", "there is no table missing", ""),
    ):
        code, output, error = advise(table)
        assert (code, output) != (0, "") and message in error and hint in error, error


def test_a_role_that_may_make_no_temporary_tables(
    items: Connection, role: str, url: str, advise: Advise
) -> None:
    name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    items.execute(f'revoke temporary on database "{name}" from public'.encode())
    items.execute(f"grant select on item to {role}".encode())
    advise.url = psycopg.conninfo.make_conninfo(url, user=role)

    code, output, error = advise("item")

    assert (code != 0, output) == (True, "")
    assert "permission denied to create temporary tables" in error and "grant temporary" in error


def test_an_error_leaves_nothing(
    items: Connection, advise: Advise, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sqlembed.cli.bench.SIZES", "select nonsense")

    code, output, _ = advise("item", "--queries", "5")

    assert code != 0 and output == ""
    assert rows(items, LEFT) == [(0,)]
