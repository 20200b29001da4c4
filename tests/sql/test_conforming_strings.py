"""Sessions in which backslashes escape (``standard_conforming_strings = off``) are served alike."""

from __future__ import annotations

import pytest

from tests.sql import test_similar
from tests.sql.test_text_queries import ASKED
from tests.writing import Connection, declare, rows, run


@pytest.fixture
def escaping(shared: Connection) -> Connection:
    run(shared, "set standard_conforming_strings = off; set escape_string_warning = off")
    return shared


def test_words_are_told_apart(escaping: Connection) -> None:
    """In the first call of a session: later ones have the words of its plan."""
    [(words, _, _)] = rows(escaping, ASKED, "simple", 'grass "sea side" or gas')
    assert {"'grass'", "'gas'"} <= set(words)


def test_pages_go_on_after_a_moment(escaping: Connection) -> None:
    test_similar.test_pages_of_keys_of_another_order_than_their_texts(escaping)


def test_options_of_an_index_are_numbers(escaping: Connection) -> None:
    run(escaping, "create table article (id int primary key, title text)")
    declare(escaping, "article", "title", index="hnsw", index_options='{"m": 8}')
    assert rows(escaping, "select index_options from sqlembed.embedding") == [({"m": 8},)]
