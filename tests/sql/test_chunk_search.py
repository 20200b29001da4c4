"""Searches over chunks: each row once, with its best chunk, whatever the mode."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sql.chunked import CHUNKING
from tests.writing import HASH, Connection, declare, embed_all, hash_registry, rows, run, scalar

#: Chunk by paragraph.
TEXTS = (
    "Bread is baked in an oven.\n\nSailing boats on a lake.\n\nNothing in particular here.",
    "The oven stands in the kitchen.\n\nBread bread bread bread.",
    "A lake of fire, and an oven.",
    "Butter, and nothing else.\n\nMore butter.\n\nEven more of the butter.\n\nButter still.",
    None,
    " ",
)


@pytest.fixture(params=["hnsw", "none"])
def article(shared: Connection, shared_url: str, request: pytest.FixtureRequest) -> Connection:
    run(shared, 'create table article (id int primary key, body text, "order" int default 0)')
    declare(shared, "article", "body", chunking='{"characters": 35}', index=request.param)
    for number, text in enumerate(TEXTS, start=1):
        run(shared, "insert into article values (%s, %s)", number, text)
    embed_all(shared_url)
    run(shared, "analyze article")
    run(shared, "analyze article_embedding")
    return shared


def hits(connection: Connection, text: str, more: str = "") -> list[tuple[Any, ...]]:
    """Return key, distance and chunk of what a search by a text's vector finds."""
    return rows(
        connection,
        "select (base).id, distance, chunk from sqlembed.vector_search(null::article,"
        f" %s::vector{more.replace('%', '%%')})",
        str(HASH.embed([text])[0].tolist()),
    )


def expected(connection: Connection, text: str, condition: str = "true") -> list[tuple[Any, ...]]:
    return rows(
        connection,
        "select id, distance, chunk from (select distinct on (id) id, chunk,"
        " embedding <=> %s::vector as distance from article join article_embedding using (id)"
        f" where {condition}"
        " order by id, 3) as t order by distance",
        str(HASH.embed([text])[0].tolist()),
    )


@pytest.mark.parametrize("mode", ["", ", mode => 'exact'"])
def test_each_row_once_with_its_best_chunk(article: Connection, mode: str) -> None:
    for text in ("Sailing boats on a lake.", "Bread bread bread bread.", "Butter still."):
        found = hits(article, text, mode)
        assert found == expected(article, text)
        assert len(found) == 4 and found[0][2] == text
        assert found[0][1] == pytest.approx(0, abs=1e-6)
    assert [row[0] for row in hits(article, "More butter.", ", k => 1" + mode)] == [4]


@pytest.mark.parametrize("mode", ["", ", mode => 'exact'"])
def test_a_filter_holds_first_and_k_rows_come_back(article: Connection, mode: str) -> None:
    for condition in ("id <> 4", 'article.id in (1, 3) and "order" = 0', "body ~ 'oven' -- so"):
        filter_ = f", filter => $${condition}$$" + mode
        plain = condition.replace(" -- so", "")
        assert hits(article, "Butter still.", filter_) == expected(article, "Butter still.", plain)
    assert hits(article, "Butter still.", ", filter => 'id > 4'" + mode) == []


def test_many_near_chunks_of_one_row_do_not_crowd_out_others(
    article: Connection, shared_url: str
) -> None:
    paragraphs = "\n\n".join(f"Butter number {number} of them." for number in range(400))
    run(article, "insert into article values (7, %s)", paragraphs)
    embed_all(shared_url)
    for mode in ("", ", mode => 'exact'"):
        found = hits(article, "Butter number 7 of them.", ", k => 5" + mode)
        assert len(found) == len({row[0] for row in found}) == 5 and found[0][0] == 7


def test_pages(article: Connection) -> None:
    whole = hits(article, "An oven of bread.")
    seen: list[tuple[Any, ...]] = []
    page = hits(article, "An oven of bread.", ", k => 1")
    while page:
        seen += page
        page = hits(
            article,
            "An oven of bread.",
            f", k => 1, after_distance => {page[-1][1]!r}, after_key => '[{page[-1][0]}]'",
        )
    assert seen == whole


def test_what_has_changed_is_hidden_or_kept(article: Connection, shared_url: str) -> None:
    run(article, "update article set body = 'Something new.' where id = 4")
    run(article, "delete from article where id = 3")
    assert {row[0] for row in hits(article, "Butter still.")} == {1, 2}
    embed_all(shared_url)
    assert hits(article, "Something new.")[0][2] == "Something new."
    run(article, "select sqlembed.drop_embedding('article')")
    declare(
        article, "article", "body", chunking='{"characters": 35}', on_change="keep", index="none"
    )
    run(article, "update article set body = 'Newer.' where id = 4")
    # What was found is shown, though it is there no more.
    assert hits(article, "Something new.")[0][::2] == (4, "Something new.")


def test_by_words_and_by_both(article: Connection, shared_url: str) -> None:
    text = "the oven in the kitchen"
    run(
        article,
        "insert into sqlembed.cache (fingerprint, kind, input_hash, embedding)"
        " values (%s, 'document', sha256(convert_to(%s, 'UTF8')), %s)",
        HASH.fingerprint, text, str(HASH.embed([text])[0].tolist()),
    )  # fmt: skip
    search = "select (base).id, distance, chunk from sqlembed.search(null::article, %s, mode => %s)"
    by_words = rows(article, search, text, "text")
    assert by_words[0] == (2, None, None)
    assert {row[0] for row in by_words} == {1, 2, 3}
    by_both = rows(article, search, text, "hybrid")
    assert by_both[0][0] == 2 and {row[0] for row in by_both} == {1, 2, 3, 4}
    best = {id: (distance, chunk) for id, distance, chunk in expected(article, text)}
    assert {id: (distance, chunk) for id, distance, chunk in by_both} == best
    assert {row[0]: row[1:] for row in rows(article, search, text, "vector")} == best


def test_words_that_must_not_be_there(article: Connection) -> None:
    text = "butter -else"
    run(
        article,
        "insert into sqlembed.cache (fingerprint, kind, input_hash, embedding)"
        " values (%s, 'document', sha256(convert_to(%s, 'UTF8')), '[1,1,1,1,1,1,1,1]')",
        HASH.fingerprint, text,
    )  # fmt: skip
    search = "select (base).id, chunk from sqlembed.search(null::article, %s, mode => 'hybrid')"
    assert {row[0] for row in rows(article, search, text)} == {1, 2, 3}


def test_diverse_rows_and_neighbours_of_a_row(article: Connection) -> None:
    found = hits(article, "An oven.", ", k => 2, diversity => 0.9")
    assert len({row[0] for row in found}) == 2 and all(row[2] for row in found)
    similar = "select (base).id, chunk from sqlembed.similar(null::article, '[2]', 5)"
    found_too = rows(article, similar)
    assert {row[0] for row in found_too} == {1, 3, 4} and all(row[1] for row in found_too)
    assert scalar(article, "select sqlembed.recall('article', k => 2, queries => 5)") == 1


def test_what_explain_search_says(article: Connection) -> None:
    ((path, found, remarks),) = rows(
        article,
        "select path, rows_found, remarks from sqlembed.explain_search(null::article,"
        " '[1,1,1,1,1,1,1,1]'::vector, 3)",
    )
    assert found == 3
    assert any("2 of 6 rows have no vector" in remark for remark in remarks)
    run(article, "update article set body = 'x' where id = 1")
    ((remarks,),) = rows(
        article,
        "select remarks from sqlembed.explain_search(null::article,"
        " '[1,1,1,1,1,1,1,1]'::vector, 3)",
    )
    assert any("3 of 6 rows have no vector" in remark for remark in remarks)
    assert path in ("index", "exact", "iterative")


@pytest.mark.parametrize("table", ["f", "c", "g", "b", "sqlembed_base", '"Sqlembed % side"'])
def test_names(shared: Connection, shared_url: str, table: str) -> None:
    run(shared, f'create table {table} (relation int, place text, "base" text,'
        ' primary key (relation, place))')  # fmt: skip
    declare(shared, table, "base", chunking=CHUNKING)
    run(shared, f"insert into {table} values (1, 'x', 'one'), (2, 'y', 'two')")
    embed_all(shared_url, hash_registry())
    literal = "'[1,1,1,1,1,1,1,1]'"
    for more in ("", ", filter => 'relation = 1 and place = ''x'''", ", mode => 'exact'"):
        found = rows(
            shared,
            "select (base).relation, chunk"
            f" from sqlembed.vector_search(null::{table}, {literal}{more})",
        )
        assert (1, "one") in found
