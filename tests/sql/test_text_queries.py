"""What a text means as a query for words: ``websearch_to_tsquery``, but any of the words do."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fix_database import Connection
from tests.sql.searching import rows

ASKED = "select words::text[], required::text, wanted::text from sqlembed._text_query(%s, %s)"


@pytest.mark.parametrize(
    ("query", "words", "required"),
    [
        ("cats and dogs", ["cat", "dog"], None),
        ("cats cats CATS", ["cat"], None),
        ('"fat cats" dogs', ["fat", "cat", "dog"], "'fat' <-> 'cat'"),
        ('"fat cats" "old dogs"', ["fat", "cat", "old", "dog"],
         "'fat' <-> 'cat' & 'old' <-> 'dog'"),
        ('"cats"', ["cat"], "'cat'"),
        ("dogs -cats", ["dog"], "!'cat'"),
        ('dogs -"fat cats"', ["dog"], "!( 'fat' <-> 'cat' )"),
        ('"fat cats" or dogs', ["fat", "cat", "dog"], None),
        ('"fat cats" OR "old dogs"', ["fat", "cat", "old", "dog"],
         "'fat' <-> 'cat' | 'old' <-> 'dog'"),
        ('or "fat cats" or', ["fat", "cat"], "'fat' <-> 'cat'"),
        ("cats - dogs", ["cat", "dog"], None),
        ("cats --dogs", ["cat", "dog"], None),
        ("well-known cats", ["well-known", "well", "known", "cat"], None),
        ('"fat cats', ["fat", "cat"], None),
        ('fat" cats" dogs', ["fat", "cat", "dog"], "'cat'"),
        ('"the" -of cats', ["cat"], None),
        ("-cats", [], "!'cat'"),
        ("the of and", [], None),
        ("", [], None),
        ("?! & | <-> :*", [], None),
        ("cats & !dogs | (mice)", ["cat", "dog", "mice"], None),
    ],
)  # fmt: skip
def test_queries(shared: Connection, query: str, words: list[str], required: str | None) -> None:
    [(found, condition, wanted)] = rows(shared, ASKED, "english", query)

    assert [word.strip("'") for word in found] == words
    assert condition == required
    assert (wanted is None) == (words == [])


def test_other_languages(shared: Connection) -> None:
    [(german, _, _)] = rows(shared, ASKED, "german", "die Häuser am See")
    [(simple, _, _)] = rows(shared, ASKED, "simple", "die Häuser am See")

    assert german == ["'haus'", "'see'"]
    assert simple == ["'die'", "'häuser'", "'am'", "'see'"]


def test_very_long_questions(shared: Connection) -> None:
    [(words, _, _)] = rows(shared, ASKED, "simple", " ".join(f"w{n}" for n in range(100_000)))

    assert words == [f"'w{n}'" for n in range(64)]


PIECES = st.sampled_from(
    ["fat", "cats", "the", "or", "OR", "-", "--", '"', "'", "\\", " ", "\n", "&", "|", "!", "<->",
     ":*", "(", ")", "%", "%s", "$1", "{}", "Häuser", "猫", "😀", "\u0301", "don't", "a/b.c",
     "x@y.org", "1e-5", "-5"]
)  # fmt: skip
ANYTHING = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(query=st.one_of(st.lists(PIECES, max_size=12).map("".join), ANYTHING))
@pytest.mark.parametrize("config", ["english", "simple"])
def test_no_text_is_an_error(shared: Connection, config: str, query: str) -> None:
    statement = (
        "select cardinality(words), wanted is null, required is null"
        ", to_tsvector('fat cats') @@ wanted, to_tsvector('fat cats') @@ required"
        " from sqlembed._text_query(%s, %s)"
    )

    [(words, has_none, is_free, matches, fulfils)] = rows(shared, statement, config, query)

    assert has_none == (words == 0)
    assert (matches is None, fulfils is None) == (has_none, is_free)
    # What a row must fulfil is part of what it is looked up by.
    assert not matches or fulfils is not False


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(words=st.lists(st.text("abcdefgü'\\%", min_size=1, max_size=5), min_size=1, max_size=10))
def test_plain_words_are_what_a_text_of_them_holds(shared: Connection, words: list[str]) -> None:
    text = " ".join(word for word in words if not word.startswith("-"))
    statement = (
        "select coalesce(bool_and(to_tsvector('simple', %s) @@ w), true)"
        " from unnest((select words from sqlembed._text_query('simple', %s))) as w"
    )

    assert rows(shared, statement, text, text) == [(True,)]
