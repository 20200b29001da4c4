"""``search`` by words alone, and by words and vectors together; full text stored or computed."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.fix_database import Connection
from tests.sql.noted import TEXTS, ask, declare, found, hits, register_plane
from tests.sql.searching import rows

STORED = ", full_text => 'english'"


@pytest.fixture(params=["", STORED], ids=["computed", "stored"])
def notes(request: pytest.FixtureRequest, shared: Connection) -> Connection:
    shared.execute("set default_text_search_config = 'english'")
    declare(shared, more=request.param)
    return shared


def test_words_alone(notes: Connection) -> None:
    # Of equal rank by their words, so in the order of their keys.
    assert found(notes, "ovens", mode="text") == [1, 2, 4]
    assert found(notes, "a lake", mode="text") == [3, 4]
    assert found(notes, "oven", "k => 2", mode="text") == [1, 2]
    assert found(notes, "oven", "filter => 'id > 1'", mode="text") == [2, 4]
    assert found(notes, "zebra", mode="text") == []


def test_words_alone_need_no_embedder(notes: Connection) -> None:
    statement = (
        "select base, distance, score, chunk from sqlembed.search(null::note, %s, mode => 'text')"
    )

    [(base, distance, score, chunk)] = rows(notes, statement, "never embedded, like sailing")

    assert base.startswith('(3,"Sailing boats')
    assert (distance, chunk) == (None, None)
    assert score > 0


def test_a_sentence_need_not_match_as_a_whole(notes: Connection) -> None:
    """What ``websearch_to_tsquery`` would ask for, every one of its words, is in no row."""
    question = "Which oven is best for bread, and where in the house does it stand?"
    by_hand = "select count(*) from note where to_tsvector(body) @@ websearch_to_tsquery(%s)"
    assert rows(notes, by_hand, question) == [(0,)]

    assert found(notes, question, mode="text") == [1, 2, 4]


def test_rare_words_and_frequent_ones(shared: Connection) -> None:
    declare(shared, texts=("oven", "oven oven", "oven bread", "oven lake", "oven sea"), more=STORED)

    assert found(shared, "oven bread", mode="text")[0] == 3
    assert found(shared, "oven", mode="text")[0] == 2


def test_bm25_by_hand(shared: Connection) -> None:
    declare(shared, texts=("oven oven bread", "oven", "lake"), more=STORED)
    # Two rows match; "oven" is in both, "bread" in one, and lengths are in different words.
    oven, bread = 0.6931471805599453, 1.2039728043259361  # ln(1 + 2.5 / 2.5), ln(1 + 3.5 / 1.5)
    first = oven * 2 * 2.2 / (2 + 1.2 * (0.25 + 0.75 * 2 / 1.5))
    first += bread * 2.2 / (1 + 1.2 * (0.25 + 0.75 * 2 / 1.5))
    second = oven * 2.2 / (1 + 1.2 * (0.25 + 0.75 * 1 / 1.5))

    statement = "select (base).id, score from sqlembed.search(null::note, %s, mode => 'text')"

    assert rows(shared, statement, "bread oven") == [
        (1, pytest.approx(first)),
        (2, pytest.approx(second)),
    ]


def test_both_together(notes: Connection) -> None:
    assert hits(notes, "lake") == [
        (3, pytest.approx(0.0603, abs=1e-4), pytest.approx(1 / 63 + 1 / 61)),
        (4, pytest.approx(0.1340, abs=1e-4), pytest.approx(1 / 64 + 1 / 62)),
        (1, pytest.approx(0, abs=1e-6), pytest.approx(1 / 61)),
        (2, pytest.approx(0.0152, abs=1e-4), pytest.approx(1 / 62)),
        (5, pytest.approx(0.2340, abs=1e-4), pytest.approx(1 / 65)),
    ]
    assert found(notes, "lake", "k => 2") == [3, 4]


def test_weights(notes: Connection) -> None:
    assert found(notes, "lake", "text_weight => 0") == [1, 2, 3, 4, 5]
    # Without the words' places, which count little now, rows 3 and 4 come where vectors have them.
    assert found(notes, "lake", "text_weight => 0.001") == [1, 2, 3, 4, 5]
    [(_, _, score), *_] = hits(notes, "lake", "text_weight => 2.5")
    assert score == pytest.approx(1 / 63 + 2.5 / 61)


def test_one_side_finds_nothing(notes: Connection) -> None:
    for query in ("zebra", "the", "?!", "-", '""'):
        assert found(notes, query) == [1, 2, 3, 4, 5]
        assert found(notes, query, mode="text") == []
    notes.execute("update note set embedding = null")
    assert found(notes, "lake") == [3, 4]
    assert found(notes, "zebra") == []


def test_rows_without_a_vector_are_found_by_words(notes: Connection) -> None:
    rows(notes, "insert into note values (6, 'A new lake') returning id")

    found = {number: distance for number, distance, _ in hits(notes, "lake")}

    assert set(found) == {1, 2, 3, 4, 5, 6}
    assert found[6] is None


def test_vectors_in_a_side_table(shared: Connection) -> None:
    shared.execute("create table note (id int primary key, body text, year int default 2020)")
    register_plane(shared)
    declared = "select sqlembed.create_embedding('note', 'plane', 'body', place => 'side'{})"
    shared.execute(declared.format(STORED).encode())
    for number, text in enumerate((*TEXTS, "lake"), start=1):
        rows(
            shared,
            "with made as (insert into note values (%s, %s) returning *)"
            " insert into note_embedding (id, embedding, source_hash)"
            " select id, array[cosd(%s), sind(%s)]::vector, sha256(convert_to(body, 'UTF8'))"
            " from made returning id",
            number, text, number * 10 - 10, number * 10 - 10,
        )  # fmt: skip
    shared.execute("update note set body = 'A fine lake' where id = 2")
    shared.execute("delete from note_embedding where id = 3")

    found = {number: distance for number, distance, _ in hits(shared, "lake")}

    # The vector of a text that has changed since does not count.
    assert (found[2], found[3]) == (None, None)
    assert found[6] == pytest.approx(0.3572, abs=1e-4)
    assert set(found) == {1, 2, 3, 4, 5, 6}
    shared.execute("update note set year = 2030 where id in (2, 6)")
    found = {number: distance for number, distance, _ in hits(shared, '"lake" -oven')}
    assert found == {2: None, 3: None, 6: pytest.approx(0.3572, abs=1e-4)}


def test_rows_far_away_keep_their_distance(shared: Connection) -> None:
    """They are not among the candidates of the vectors, which are a hundred here."""
    declare(shared, texts=(*["fog"] * 120, "lake"))
    shared.execute("update note set embedding = '[-1,0]' where id = 121")

    assert hits(shared, "lake", "k => 1, text_weight => 2") == [
        (121, pytest.approx(2, abs=1e-6), pytest.approx(2 / 61))
    ]


def test_vectors_without_a_direction_have_no_distance(notes: Connection) -> None:
    notes.execute("update note set embedding = '[0,0]' where id = 3")

    assert (3, None) in [(number, distance) for number, distance, _ in hits(notes, "lake")]


def test_the_filter_comes_first(notes: Connection) -> None:
    # Of the lakes only one passes, and it is the first of both lists.
    [(number, _, score), *_] = hits(notes, "lake", "filter => 'note.year > 2003'")

    assert (number, score) == (4, pytest.approx(2 / 61))
    assert found(notes, "lake", "filter => 'year > 2003 -- and no more'") == [4, 5]
    assert found(notes, '"a lake"', "filter => 'year > 2003 or false'") == [4]


@pytest.mark.parametrize("mode", ["text", "hybrid"])
def test_phrases_and_exclusions_hold_for_every_row(notes: Connection, mode: str) -> None:
    assert found(notes, '"lake of fire" oven', mode=mode) == [4]
    assert found(notes, '"fire of a lake" oven', mode=mode) == []
    assert 4 not in found(notes, "oven -fire", mode=mode)
    assert set(found(notes, "oven lake -bread -fire", mode=mode)) >= {2, 3}
    assert not {1, 4} & set(found(notes, "oven lake -bread -fire", mode=mode))
    assert found(notes, 'oven -"the oven stands" -fire bread', mode=mode)[:1] == [1]
    assert 2 not in found(notes, 'oven -"the oven stands" -fire', mode=mode)
    assert set(found(notes, '"sailing boats" or "lake of fire"', mode=mode)) == {3, 4}
    # One of the alternatives asks for nothing in particular.
    assert {1, 2, 3, 4} <= set(found(notes, '"sailing boats" or oven', mode=mode))


def test_exclusions_alone(notes: Connection) -> None:
    assert found(notes, "-oven", mode="text") == []
    assert found(notes, "-oven") == [3, 5]


def test_another_language(shared: Connection) -> None:
    declare(shared, texts=("Die Häuser am See", "Ein Haus"), more=", full_text => 'german'")

    assert found(shared, "haus", mode="text") == [2, 1]
    assert found(shared, "ein", mode="text") == []


def test_the_language_of_the_session(shared: Connection) -> None:
    declare(shared, texts=("Die Häuser am See", "Ein Haus"))

    shared.execute("set default_text_search_config = 'german'")
    assert found(shared, "haus", mode="text") == [2, 1]
    shared.execute("set default_text_search_config = 'simple'")
    assert found(shared, "haus", mode="text") == [2]


@pytest.mark.parametrize(
    ("arguments", "state", "message"),
    [
        ("k => 0", "SE014", "k must be 1 or more"),
        ("k => 1001", "SE014", "k must be 1000 or less"),
        ("filter => ' '", "SE015", "the filter is empty"),
        ("filter => 'no_such > 1'", "SE015", "the filter is not valid"),
        ("filter => 'year / 0 = 1'", "SE015", "the filter is not valid"),
        ("embedding => 'body'", "SE013", "has no embedding body"),
    ],
)
@pytest.mark.parametrize("mode", ["text", "hybrid"])
def test_impossible_arguments(
    notes: Connection, mode: str, arguments: str, state: str, message: str
) -> None:
    with pytest.raises(psycopg.Error, match=message) as raised:
        found(notes, "oven", arguments, mode=mode)
    assert raised.value.sqlstate == state


@pytest.mark.parametrize("weight", ["-1", "null", "'NaN'", "'Infinity'"])
def test_impossible_weights(notes: Connection, weight: str) -> None:
    with pytest.raises(psycopg.Error, match="text_weight must be 0 or more") as raised:
        found(notes, "oven", f"text_weight => {weight}")
    assert raised.value.sqlstate == "SE014"


@pytest.mark.parametrize("query", ["''", "' \n'", "null"])
def test_an_empty_query(notes: Connection, query: str) -> None:
    for mode in ("text", "hybrid"):
        with pytest.raises(psycopg.Error, match="the query is empty"):
            rows(notes, f"select from sqlembed.search(null::note, {query}, mode => '{mode}')")


@pytest.mark.parametrize(
    "table", ["found", "best", "corpus", "sqlembed_text", "base", 'Größe, "x" %s']
)
@pytest.mark.parametrize("more", ["", STORED], ids=["computed", "stored"])
def test_names_that_could_be_mistaken(shared: Connection, table: str, more: str) -> None:
    declare(shared, more=more)
    shared.execute("alter table note rename year to document")
    shared.execute("alter table note rename id to score")
    shared.execute(sql.SQL("alter table note rename to {}").format(sql.Identifier(table)))
    ask(shared, "lake")
    statement = sql.SQL(
        "select (base).score from sqlembed.search(null::{}, 'lake', mode => {}, filter => {})"
    )

    for mode in ("text", "hybrid"):
        arguments: tuple[Any, ...] = (
            sql.Identifier(table), sql.Literal(mode), sql.Literal("document > 2003")
        )  # fmt: skip
        assert shared.execute(statement.format(*arguments)).fetchall()[0] == (4,)


def test_a_key_of_several_columns_in_partitions(shared: Connection) -> None:
    declare(shared, texts=())
    shared.execute(
        """
        drop table note;
        create table note (kind text, id int, body text, primary key (id, kind))
            partition by list (kind);
        create table note_a partition of note for values in ('a');
        create table note_b partition of note for values in ('b');
        select sqlembed.create_embedding('note', 'plane', 'body', full_text => 'english');
        insert into note (kind, id, body, embedding) values
            ('a', 1, 'lake', '[1,0]'), ('b', 1, 'lake', '[0,1]'),
            ('a', 2, 'sea', '[1,0]'), ('b', 2, 'big lake', '[1,1]');
        """
    )
    ask(shared, "lake")

    for mode, expected in {
        "text": [("a", 1), ("b", 1), ("b", 2)],
        "hybrid": [("a", 1), ("b", 1), ("b", 2), ("a", 2)],
    }.items():
        statement = (
            "select (base).kind, (base).id from sqlembed.search(null::note, 'lake', mode => %s)"
        )
        assert rows(shared, statement, mode) == expected


def test_row_security_holds_for_words(notes: Connection, role: str) -> None:
    notes.execute(
        """
        grant usage on schema work to public;
        grant select on note to public;
        alter table note enable row level security;
        create policy a_few on note using (id in (1, 3));
        select sqlembed.grant_embedder('plane', 'public');
        """
    )
    ask(notes, "lake or oven")
    notes.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
    try:
        for mode in ("text", "hybrid"):
            statement = (
                "select (base).id from sqlembed.search(null::note, 'lake or oven', mode => %s)"
            )
            assert sorted(rows(notes, statement, mode)) == [(1,), (3,)]
    finally:
        notes.execute("reset role")


def test_who_may_not_read_the_table_may_not_search_it(notes: Connection, role: str) -> None:
    notes.execute("grant usage on schema work to public")
    notes.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        rows(notes, "select from sqlembed.search(null::note, 'lake', mode => 'text')")
    notes.execute("reset role")
