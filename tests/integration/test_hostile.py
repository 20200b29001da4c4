"""A caller who wants more: rides on the loopback, forges tickets, looks into what is closed."""

from __future__ import annotations

import pytest

from sqlembed.worker import Worker
from tests.fix_database import Connection
from tests.fix_hostile import embedded, genuine, refused
from tests.fix_scram import Realm

#: Of all tables and views, what everybody may do. The rest is closed.
OPEN = {
    "embedder": {"select"},
    "embedder_key": {"select"},
    "embedding": {"select"},
    "change": {"select"},
    "cluster_model": {"select", "insert"},
    "cluster_centroid": {"select", "insert"},
    "clustering": {"select"},
    "clustering_status": {"select"},
    "_row_work": {"select"},
    "cluster_run": {"select"},
    "failure": {"select"},
    "generation": {"select"},
    "status": {"select"},
    "worker": {"select"},
    "_waiting": {"select"},
}

#: Functions with the owner's rights that everybody may call. Each was looked at: what can a
#: hostile caller do with any arguments, a temporary schema and a search_path of their own?
ELEVATED = {
    "sqlembed._ask(text,bytea,text,text[])",
    "sqlembed._drop_note_function(integer)",
    "sqlembed._forget_own_changes(integer)",
    "sqlembed._has_own_changes(integer)",
    # A trigger, and silent on any table but the one of its clustering.
    "sqlembed._keep_cluster()",
    "sqlembed._make_note_function(integer)",
    "sqlembed._make_row_functions(integer)",
}


@pytest.fixture
def url(realm: Realm) -> str:
    return realm.url(realm.server.owner)


@pytest.fixture
def served(owner: Connection, worker: Worker) -> Connection:
    """The owner's connection, while a worker serves ``hash``."""
    del worker
    return owner


def test_everybody_has_the_rights_listed_here_and_no_others(hostile: Connection) -> None:
    found = hostile.execute(
        """
        select c.relname, array_agg(right_name order by right_name)
        from pg_class as c
        cross join unnest(
            array['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger']
        ) as right_name
        where c.relnamespace = 'sqlembed'::regnamespace and c.relkind in ('r', 'v')
            and has_table_privilege(c.oid, right_name)
        group by c.relname
        """
    ).fetchall()
    assert {str(name): set(rights) for name, rights in found if isinstance(rights, list)} == OPEN
    elevated = hostile.execute(
        """
        select p.oid::regprocedure::text from pg_proc as p
        where p.pronamespace = 'sqlembed'::regnamespace and p.prosecdef
            and has_function_privilege(p.oid, 'execute')
        """
    ).fetchall()
    assert {str(name) for (name,) in elevated} == ELEVATED
    assert hostile.execute(
        """
        select
            has_schema_privilege('sqlembed_wire', 'usage'),
            has_schema_privilege('sqlembed', 'create'),
            has_schema_privilege('sqlembed_dblink', 'usage'),
            has_server_privilege('sqlembed_loopback', 'usage')
        """
    ).fetchone() == (False, False, False, False)


def test_dblink_is_out_of_reach(served: Connection, hostile: Connection) -> None:
    del served
    assert embedded(hostile, "sqlembed.embed('hash', 'food')") == genuine("food")
    for statement in (
        "select sqlembed_dblink.dblink_get_connections()",
        "select * from sqlembed_dblink.dblink('sqlembed', 'select 1') as t (one int)",
        "select sqlembed_dblink.dblink_exec('sqlembed', 'select 1')",
        "select sqlembed_dblink.dblink_disconnect('sqlembed')",
        "select sqlembed_dblink.dblink_connect('sqlembed', 'sqlembed_loopback')",
    ):
        assert refused(hostile, statement)
    hostile.execute("set search_path = sqlembed_dblink")
    assert refused(hostile, "select dblink_get_connections()")


def test_the_password_of_the_loopback_is_not_readable(hostile: Connection, realm: Realm) -> None:
    assert hostile.execute(
        "select umoptions from pg_user_mappings where srvname = 'sqlembed_loopback'"
    ).fetchall() == [(None,)]
    assert hostile.execute(
        "select option_value from information_schema.user_mapping_options"
    ).fetchall() in ([], [(None,), (None,)])
    assert refused(hostile, "select umoptions from pg_user_mapping")
    options = (
        realm.connect(realm.server.owner)
        .execute("select umoptions from pg_user_mappings where srvname = 'sqlembed_loopback'")
        .fetchone()
    )
    assert realm.server.loopback_password in str(options)


def test_a_rider_may_hand_in_requests_and_nothing_else(
    owner: Connection, rider: Connection, realm: Realm
) -> None:
    del owner
    realm.connect().execute("create table public.orders (id int)")
    tables = rider.execute(
        """
        select relname from pg_class
        where relnamespace = 'sqlembed'::regnamespace and relkind = 'r'
        """
    ).fetchall()
    closed = [name for (name,) in tables if name not in OPEN]
    assert {"secret", "request", "cache", "job"} <= set(closed)
    for name in closed:
        assert refused(rider, f"select * from sqlembed.{name}"), name
    for statement in (
        "select * from public.orders",
        "create table public.mine (id int)",
        "create schema mine",
        f"set role {realm.server.owner}",
        f"set session authorization {realm.server.owner}",
        "select sqlembed._ask('hash', 'key', 'query', array['food'])",
        "select sqlembed._ticket('hash', 'document', array['food'])",
        "select sqlembed._configure_loopback('mine')",
        "select sqlembed_dblink.dblink_get_connections()",
    ):
        assert refused(rider, statement), statement
    executable = rider.execute(
        """
        select p.proname from pg_proc as p
        where p.pronamespace = 'sqlembed_wire'::regnamespace
            and has_function_privilege(p.oid, 'execute')
        order by 1
        """
    ).fetchall()
    assert executable == [("ask_again",), ("peek",), ("request",), ("submit",)]


def test_a_rider_sees_no_text_that_others_send(served: Connection, rider: Connection) -> None:
    assert embedded(served, "sqlembed.embed('hash', 'a text of mine')") == genuine("a text of mine")
    loopbacks = "select query from pg_stat_activity where application_name = 'sqlembed loopback'"
    loopbacks += " and datname = current_database()"
    assert rider.execute(loopbacks).fetchall() == [("",)]


def test_a_ticket_is_good_for_its_own_texts_alone(served: Connection, rider: Connection) -> None:
    submit = "select result from sqlembed_wire.submit(%s, %s, %s, %s)"
    served.execute("select sqlembed.register_embedder('other', 8)")
    row = served.execute(
        "select sqlembed._ticket('hash', 'document', array['food', 'drink'])"
    ).fetchone()
    assert row is not None
    ticket = row[0]
    texts = ["food", "drink"]
    assert rider.execute(submit, ("hash", "document", texts, ticket)).fetchone() is not None
    for embedder, kind, inputs, forged in (
        ("hash", "document", ["food"], ticket),
        ("hash", "document", ["drink", "food"], ticket),
        ("hash", "document", ["food,drink"], ticket),
        ("hash", "query", texts, ticket),
        ("other", "document", texts, ticket),
        ("hash", "document", texts, b"\0" * 32),
        ("hash", "document", texts, b""),
        ("hash", "document", texts, None),
        ("nobody's", "document", texts, None),
        (None, None, None, None),
    ):
        assert refused(rider, submit, embedder, kind, inputs, forged)


def test_no_ticket_outlives_the_right(served: Connection, rider: Connection) -> None:
    submit = "select result from sqlembed_wire.submit('hash', 'document', array['food'], %s)"
    row = served.execute("select sqlembed._ticket('hash', 'document', array['food'])").fetchone()
    assert row is not None
    rider.execute(submit, row)
    served.execute("select sqlembed.revoke_embedder('hash', 'public')")
    assert refused(rider, submit, *row)


def test_requests_of_others_answer_nobody_else(owner: Connection, rider: Connection) -> None:
    peek = "select done from sqlembed_wire.peek(%s, %s)"
    row = owner.execute(
        """
        insert into sqlembed.request (worker, embedder, inputs, kind, ticket, result, done)
        values (0, 'hash', '{secret}', 'document', 'theirs', array['[1,2]'::vector], true)
        returning id
        """
    ).fetchone()
    assert row is not None
    number = row[0]
    assert rider.execute(peek, (number, b"theirs")).fetchone() == (True,)
    for ticket in (b"mine", b"", None):
        assert rider.execute(peek, (number, ticket)).fetchone() == (None,)
        assert rider.execute(
            "select sqlembed_wire.ask_again(%s, %s)", (number, ticket)
        ).fetchone() == (False,)
        assert rider.execute(
            "call sqlembed_wire.request(null, null, null, %s, 1, %s)", (ticket, number)
        ).fetchone() == (None, False, None)
