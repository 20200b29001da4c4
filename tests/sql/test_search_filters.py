"""The filter of a search: which conditions there are, with whose rights, and what is an error."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import sql

from tests.fix_database import Connection
from tests.sql.searching import make_animals, rows

SEARCH = "select (base).id from sqlembed.vector_search(null::animal, '[1,2]', 3, filter => %s)"


@pytest.fixture
def animals(connection: Connection) -> Connection:
    make_animals(connection)
    return connection


def found(connection: Connection, filter: str | None) -> list[str]:
    return [row[0] for row in rows(connection, SEARCH, filter)]


def refusal(connection: Connection, filter: str) -> psycopg.errors.Error:
    with pytest.raises(psycopg.Error) as raised:
        found(connection, filter)
    return raised.value


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        (None, ["dog", "wolf", "snake"]),
        ("true", ["dog", "wolf", "snake"]),
        ("id <> 'wolf'", ["dog", "snake", "tiger"]),
        ("animal.id <> 'wolf'", ["dog", "snake", "tiger"]),
        ("(animal).id like '%%o%'", ["dog", "wolf", "lion"]),
        ("id = 'otter' or id = 'whale'", ["whale", "otter"]),
        ("id in (select 'whale' union select 'dog')", ["dog", "whale"]),
        ("exists (select from animal as other where other.id > animal.id)",
         ["dog", "snake", "tiger"]),
        ("id = 'lion' -- the king", ["lion"]),
        ("/* two lines */ id\n= 'lion'", ["lion"]),
        ("id = $$lion$$", ["lion"]),
        ("embedding <-> '[-5,-1]' < 3 and '%s %I $1' <> ''", ["whale", "otter"]),
        ("null", []),
        ("id = 'unicorn'", []),
        ("ctid is not null and xmin is not null and tableoid = 'animal'::regclass and id = 'dog'",
         ["dog"]),
    ],
)  # fmt: skip
def test_conditions(animals: Connection, filter: str | None, expected: list[str]) -> None:
    assert found(animals, filter) == expected


@pytest.mark.parametrize(
    ("filter", "message"),
    [
        ("idd = 'dog'", 'column "idd" does not exist'),
        ("dog.id = 'dog'", 'missing FROM-clause entry for table "dog"'),
        ("id =", 'syntax error at or near ")"'),
        ("id = 'dog", "unterminated quoted string"),
        ("/* id = 'dog'", "unterminated /* comment"),
        ("id = 1", "operator does not exist: text = integer"),
        ("id", "must be type boolean"),
        ("count(*) > 1", "aggregate functions are not allowed in WHERE"),
        ("generate_series(1, 2) = 1", "set-returning functions are not allowed in WHERE"),
        ("1 / (length(id) - 3) > 1", "division by zero"),
        ("id::int > 1", "invalid input syntax for type integer"),
        ("id = (select other.id from animal as other)", "more than one row returned"),
        ("fails(id)", "not this one"),
        ("true); drop table animal; --", "syntax error at or near"),
        ("embedding <-> '[1,2,3]' < 1", "different vector dimensions 2 and 3"),
    ],
)
def test_invalid_conditions(animals: Connection, filter: str, message: str) -> None:
    animals.execute(
        "create function fails(text) returns boolean language plpgsql as"
        " $$ begin raise exception 'not this one'; end $$"
    )

    error = refusal(animals, filter)

    assert error.sqlstate == "SE015"
    assert str(error.diag.message_primary).startswith("sqlembed: the filter is not valid: ")
    assert message in str(error.diag.message_primary)
    assert "A filter is a condition on one row of animal" in str(error.diag.message_hint)
    assert rows(animals, "select count(*) from animal") == [(7,)]


def test_the_hint_keeps_what_postgresql_suggests(animals: Connection) -> None:
    hint = str(refusal(animals, "idd = 'dog'").diag.message_hint)

    assert hint.startswith('Perhaps you meant to reference the column "animal.id". A filter is')


@pytest.mark.parametrize("filter", ["", " \n\t"])
def test_an_empty_filter_is_not_no_filter(animals: Connection, filter: str) -> None:
    error = refusal(animals, filter)

    assert (error.sqlstate, error.diag.message_primary) == (
        "SE015", "sqlembed: the filter is empty",
    )  # fmt: skip


def test_other_errors_stay_what_they_are(animals: Connection, role: str) -> None:
    animals.execute("create function secret() returns boolean language sql as 'select true'")
    animals.execute(
        "revoke execute on function secret() from public; grant select on animal to public"
    )
    animals.execute("set statement_timeout = '50ms'")
    assert refusal(animals, "pg_sleep(10) is not null").sqlstate == "57014"

    animals.execute("reset statement_timeout")
    assert refusal(animals, "sqlembed.embed('none', id) is null").sqlstate == "SE001"

    animals.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
    error = refusal(animals, "secret()")
    assert (error.sqlstate, error.diag.message_primary) == (
        "42501", "permission denied for function secret",
    )  # fmt: skip


def test_without_a_filter_nobody_blames_it(animals: Connection) -> None:
    animals.execute(
        "create view broken as select id, embedding, 1 / (length(id) - 3) as n from animal"
    )

    with pytest.raises(psycopg.errors.DivisionByZero):
        rows(animals, "select (base).n from sqlembed.vector_search(null::broken, '[1,2]')")


def test_the_filter_is_the_callers_own(animals: Connection, role: str) -> None:
    animals.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
    assert refusal(animals, "true").sqlstate == "42501"

    animals.execute("reset role; grant select on animal to public")
    animals.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
    assert found(animals, f"id = 'dog' and current_user = '{role}'") == ["dog"]


def test_the_filter_sees_the_callers_search_path(animals: Connection) -> None:
    animals.execute(
        """
        create schema tools;
        create function tools.same(text, text) returns boolean immutable language sql
            as 'select lower($1) = lower($2)';
        create operator tools.~== (function = tools.same, leftarg = text, rightarg = text);
        """
    )
    assert refusal(animals, "id ~== 'DOG'").sqlstate == "SE015"

    animals.execute("set search_path = tools, public")

    assert found(animals, "id ~== 'DOG' and same(id, 'Dog')") == ["dog"]


def test_a_search_path_without_pgvector(animals: Connection) -> None:
    animals.execute("create schema own; alter table animal set schema own; set search_path = own")

    assert found(animals, "id <> 'dog'") == ["wolf", "snake", "tiger"]


def test_row_level_security_holds(animals: Connection, role: str) -> None:
    animals.execute(
        """
        alter table animal enable row level security;
        create policy tame on animal using (id in ('dog', 'otter', 'whale'));
        grant select on animal to public;
        """
    )
    animals.execute(sql.SQL("set role {}").format(sql.Identifier(role)))

    assert found(animals, None) == ["dog", "whale", "otter"]
    assert found(animals, "true) or (true") == ["dog", "whale", "otter"]
    assert found(animals, "id > 'e'") == ["whale", "otter"]
