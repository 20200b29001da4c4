"""A table's owner who wants more: code of theirs must not run with anybody else's rights."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import sql

from tests.fix_database import Connection
from tests.fix_hostile import DECLARE, declare, ran_as
from tests.fix_scram import Realm

KEEPING = """
select sqlembed.create_embedding('mine', 'hash', %s, on_change => 'keep', index => 'none')
"""

COPY_OF_CHANGES = "select key from sqlembed.change order by id"


@pytest.fixture
def url(realm: Realm) -> str:
    return realm.url(realm.server.owner)


def attach(coder: Connection, number: int, table: str = "mine", rows: str = "sqlembed_new") -> None:
    coder.execute("select sqlembed._make_note_function(%s)", (number,))
    coder.execute(
        f"""
        create trigger noting after insert on {table} referencing new table as {rows}
        for each statement execute function sqlembed._note_{number}()
        """.encode()
    )


def test_the_key_is_never_taken_from_the_owner(coder: Connection, owner: Connection) -> None:
    attach(coder, declare(coder, "mine"))
    coder.execute("insert into mine values (7, 'x')")
    assert ran_as(coder) == set()
    assert owner.execute(COPY_OF_CHANGES).fetchall() == [([7],)]


def test_names_of_columns_stay_names(coder: Connection, owner: Connection) -> None:
    """They are written into the function that runs with the rights of the owner of sqlembed."""
    names = [
        "title, evil.note()",
        'title", evil.note() as "x',
        "title) as x; select evil.note(); --",
        "title'; perform evil.note(); --",
        "title$sql$; perform evil.note(); $sql$",
        "%s %1$s %L %%",
        "back\\slash",
        "sqlembed_new",
    ]
    for position, name in enumerate(names):
        key, title = sql.Identifier(name), sql.Identifier(f"{name} 2")
        for table in (f"gone_{position}", f"odd_{position}"):
            coder.execute(
                sql.SQL(
                    "create table {} ({} int primary key, {} text, embedding vector(8))"
                ).format(sql.Identifier(table), key, title)
            )
        attach(
            coder,
            declare(coder, f"gone_{position}", "embedding", "x", [name + name]),
            f"gone_{position}",
        )
        coder.execute(f"insert into gone_{position} values (7, 'x')".encode())
        coder.execute(
            "select sqlembed.create_embedding(%s, 'hash', %s, index => 'none')",
            (f"odd_{position}", title.as_string()),
        )
        coder.execute(f"insert into odd_{position} values ({position}, 'x', null)".encode())
        coder.execute(
            sql.SQL("update {} set {} = 'y'").format(sql.Identifier(f"odd_{position}"), title)
        )
    assert ran_as(coder) == set()
    noted = owner.execute("select distinct key from sqlembed.change order by key").fetchall()
    assert noted == [([position],) for position in range(len(names))]


def test_a_declaration_is_not_changed_behind_our_back(coder: Connection) -> None:
    coder.execute("select sqlembed.create_embedding('mine', 'hash', 'title', index => 'none')")
    for change in (
        "key_expression = 'evil.note()::jsonb'",
        "name = 'title'",
        "relation = 'sqlembed.secret'",
        "side = 'sqlembed.secret'",
        """index_options = '{"m": "16); select evil.note(); --"}'""",
        "id = 1",
    ):
        with pytest.raises(psycopg.Error):
            coder.execute(f"update sqlembed.embedding set {change}".encode())
    numbered = DECLARE.replace("(\n    relation", "(\n    id, relation", 1)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        coder.execute(
            numbered.replace("values (", "overriding system value values (1000, ", 1).encode(),
            ("mine", "other", "x", ["title"]),
        )


def test_a_source_that_is_changed_runs_with_nobody_elses_rights(
    coder: Connection, owner: Connection
) -> None:
    """Its owner may alter it, as they may declare any: the functions of sqlembed never run it."""
    attach(coder, declare(coder, "mine"))
    coder.execute(
        "update sqlembed.embedding"
        " set source = 'evil.note()::text', declared_source = 'x', source_columns = '{id}'"
    )
    coder.execute("select sqlembed._make_note_function(id) from sqlembed.embedding")
    coder.execute("insert into mine values (7, 'x')")
    owner.execute("select * from sqlembed.status")
    owner.execute("select sqlembed._fold_changes(0, '{}', '{}', '{}', '1 min')")
    assert ran_as(coder) == set()


def test_an_embedder_of_others_is_not_declared(coder: Connection, owner: Connection) -> None:
    owner.execute("select sqlembed.register_embedder('ours', 8)")
    coder.execute("select sqlembed.create_embedding('mine', 'hash', 'title', index => 'none')")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        coder.execute("update sqlembed.embedding set embedder = 'ours'")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        coder.execute(
            DECLARE.replace("'hash'", "'ours'").encode(), ("mine", "other", "x", ["title"])
        )
    owner.execute("select sqlembed.revoke_embedder('hash', 'public')")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        coder.execute("select sqlembed.alter_embedding('mine', timing => 'sync')")
    coder.execute("select sqlembed.drop_embedding('mine')")


def test_a_view_in_place_of_the_new_rows_is_refused(coder: Connection) -> None:
    """Without a transition table its name would lead into the temporary schema."""
    number = declare(coder, "mine")
    for name in ("sqlembed_new", "sqlembed_old"):
        coder.execute(
            f"""
            create temporary view {name} as
            select 1 as id, evil.note() as title, null::vector as embedding
            """.encode()
        )
        coder.execute(f"grant select on {name} to public".encode())
    coder.execute("select sqlembed._make_note_function(%s)", (number,))
    for event in ("insert", "update", "delete", "truncate"):
        coder.execute(
            f"""
            create trigger noting_{event} after {event} on mine
            for each statement execute function sqlembed._note_{number}()
            """.encode()
        )
    for statement in ("insert into mine values (1, 'x')", "delete from mine", "truncate mine"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="was not made by"):
            coder.execute(statement)
    assert ran_as(coder) == set()


def test_new_rows_do_not_pass_for_a_table_of_ours(coder: Connection) -> None:
    """A name that is not qualified would find them first, and casts of their columns would run."""
    columns = ("attrelid", "attname", "oid", "tgrelid", "key", "relation")
    for statement in (
        "create type pair as (x int)",
        """
        create function as_oid(pair) returns oid language plpgsql as $$
        begin perform evil.note(); return 1::oid; end $$
        """,
        "create cast (pair as oid) with function as_oid(pair) as implicit",
        *(f"alter table mine add {column} pair default row(1)" for column in columns),
    ):
        coder.execute(statement.encode())
    number = declare(coder, "mine")
    for rows in ("pg_attribute", "pg_class", "pg_trigger", "pg_proc", "change", "job", "embedding"):
        attach(coder, number, rows=rows)
        with pytest.raises(psycopg.errors.UndefinedTable):
            coder.execute("insert into mine values (1, 'x')")
        coder.execute("drop trigger noting on mine")
    assert ran_as(coder) == set()


def test_the_function_of_one_table_does_nothing_on_another(coder: Connection) -> None:
    """It was made for the types of the one; casts and operators of the other's are its owner's."""
    for statement in (
        "create type word as enum ('1', '2')",
        *(
            f"""
            create function as_{target}(word) returns {target} language plpgsql as $$
            begin perform evil.note(); return null; end $$
            """
            for target in ("json", "jsonb", "text", "timestamptz", "int8")
        ),
        *(
            f"create cast (word as {target}) with function as_{target}(word) as implicit"
            for target in ("json", "jsonb", "text", "timestamptz", "int8")
        ),
        """
        create table first (
            id int8, at timestamptz, title text, embedding vector(8), primary key (id, at)
        )
        """,
        "create table second (id word, at word, title word, embedding word)",
    ):
        coder.execute(statement.encode())
    number = declare(coder, "first")
    attach(coder, number, "second")
    coder.execute("insert into second values ('1', '1', '1', null)")
    assert ran_as(coder) == set()


@pytest.mark.parametrize("key_type", ["size", "small"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_casts_operators_and_functions_of_the_key_do_not_run(
    coder: Connection, owner: Connection, moment: str, key_type: str
) -> None:
    """Neither of a type that the key has from the start nor of one that it is given later."""
    for statement in (
        "create type size as enum ('1', '2')",
        """
        create function as_json(size) returns json language plpgsql as $$
        begin perform evil.note(); return '1'; end $$
        """,
        "create cast (size as json) with function as_json(size)",
        """
        create function as_text(size) returns text language plpgsql as $$
        begin perform evil.note(); return '1'; end $$
        """,
        "create cast (size as text) with function as_text(size) as implicit",
        """
        create function same(size, size) returns boolean language plpgsql as $$
        begin perform evil.note(); return true; end $$
        """,
        "create operator evil.= (leftarg = size, rightarg = size, function = same)",
        "create domain small as size check (evil.note() is not null)",
        "create domain positive as int check (evil.note() is not null and value > 0)",
    ):
        coder.execute(statement)
    change = f"alter table mine alter id type {key_type} using (case id when 1 then '1' end)::size"
    if moment == "before":
        coder.execute(change)
    coder.execute("alter table mine alter title type positive using 1")
    coder.execute(KEEPING, ("title::int4::text",))
    if moment == "after":
        coder.execute(change)
    coder.execute("insert into mine values ('1', 5)")
    coder.execute("update mine set title = 6")
    assert ran_as(coder) == set()
    assert owner.execute(COPY_OF_CHANGES).fetchall() == [(["1"],), (["1"],)]


def test_a_key_that_is_renamed_or_dropped_stops_nobody(coder: Connection) -> None:
    coder.execute("select sqlembed.create_embedding('mine', 'hash', 'title', index => 'none')")
    coder.execute("alter table mine rename id to number")
    coder.execute("insert into mine values (3, 'x')")
    coder.execute("update mine set title = 'y'")
    coder.execute("alter table mine drop constraint mine_pkey")
    coder.execute("insert into mine values (4, 'x')")
    coder.execute("alter table mine drop column embedding cascade")
    coder.execute("insert into mine values (5, 'x')")
    assert coder.execute("select count(*) from mine").fetchone() == (3,)


def test_a_source_does_not_run_in_the_trigger(coder: Connection) -> None:
    coder.execute(
        "create function told(text) returns text language sql immutable as $$ select evil.note() $$"
    )
    coder.execute(KEEPING, ("evil.told(title)",))
    coder.execute("insert into mine values (1, 'x')")
    coder.execute("update mine set title = 'y'")
    assert ran_as(coder) == set()


@pytest.mark.parametrize("guarded", [False, True])
def test_looking_at_the_status_runs_nothing_of_others(
    coder: Connection, owner: Connection, realm: Realm, guarded: bool
) -> None:
    """Neither a source expression nor a policy: an administrator looks with all rights."""
    coder.execute("insert into mine values (1, ' '), (2, 'x')")
    coder.execute(
        "create function told(text) returns text language sql immutable as $$ select evil.note() $$"
    )
    coder.execute(KEEPING, ("evil.told(title)",))
    coder.execute("grant select on mine to public")
    if guarded:
        coder.execute("create policy noting on mine using (evil.note() is not null)")
        coder.execute("alter table mine enable row level security")
    coder.execute("truncate log")
    status = "select total, embedded, blank from sqlembed.status"
    assert owner.execute(status).fetchall() == [(None, None, None) if guarded else (2, 0, None)]
    assert realm.connect().execute(status).fetchall() == [(2, 0, None)]
    assert ran_as(coder) == set()
    assert coder.execute(status).fetchall() == [(2, 0, 0)]


@pytest.mark.parametrize(
    "trap",
    [
        "create index on mine ((evil.told('x')))",
        "create index on mine (id) where evil.told('x') <> ''",
        "create statistics trap on (evil.told('x')), id from mine",
        "create table child (primary key (id)) inherits (mine);"
        " create index on child ((evil.told('x')))",
    ],
)
def test_looking_at_the_status_plans_nothing_of_others(
    coder: Connection, owner: Connection, trap: str
) -> None:
    """PostgreSQL computes what is constant in an index whenever it plans a query of its table."""
    coder.execute(
        "create function told(text) returns text language sql immutable as $$ select evil.note() $$"
    )
    coder.execute(KEEPING, ("title",))
    coder.execute("grant select on mine to public")
    for statement in trap.split(";"):
        coder.execute(statement.encode())
    coder.execute("truncate log")
    owner.execute("select total, embedded from sqlembed.status").fetchall()
    assert ran_as(coder) == set()


@pytest.mark.parametrize(
    "last",
    [
        "select sqlembed.drop_embedding('evil.mine')",
        "select sqlembed.alter_embedding('evil.mine', index => 'hnsw')",
    ],
)
def test_the_index_of_another_table_is_not_dropped(
    coder: Connection, realm: Realm, last: str
) -> None:
    """An administrator may drop it, whose rights the name that the owner noted would borrow."""
    admin = realm.connect()
    admin.execute("create table evil.precious (id int)")
    admin.execute("create index precious_id on evil.precious (id)")
    coder.execute(KEEPING, ("title",))
    coder.execute("update sqlembed.embedding set index_name = 'precious_id'")
    admin.execute(last.encode())
    assert admin.execute("select to_regclass('evil.precious_id') is null").fetchone() == (False,)
