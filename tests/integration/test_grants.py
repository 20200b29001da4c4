"""Who may embed with which embedder: roles, members, everybody; and who no longer may."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from sqlembed.worker import Worker
from tests.fix_database import Connection
from tests.fix_scram import Realm

EMBED = "select vector_dims(sqlembed.embed('hash', 'food'))"


@pytest.fixture
def url(realm: Realm) -> str:
    return realm.url(realm.server.owner)


@pytest.fixture
def owner(realm: Realm, worker: Worker) -> Connection:
    """The connection of the schema's owner, while a worker serves ``hash``."""
    del worker
    return realm.connect(realm.server.owner)


@pytest.fixture
def user(realm: Realm) -> Connection:
    return realm.connect(realm.server.user)


def grant(owner: Connection, role: str, verb: str = "grant") -> None:
    owner.execute(f"select sqlembed.{verb}_embedder('hash', %s)".encode(), (role,))


def may_embed(connection: Connection) -> bool:
    try:
        return connection.execute(EMBED).fetchone() == (8,)
    except psycopg.errors.InsufficientPrivilege:
        return False


@pytest.fixture
def group(realm: Realm) -> Iterator[str]:
    """A role that ``user`` is a member of."""
    name = f"group_{realm.database}"
    admin = realm.server.admin
    admin.execute(sql.SQL("create role {}").format(sql.Identifier(name)))
    admin.execute(
        sql.SQL("grant {} to {}").format(sql.Identifier(name), sql.Identifier(realm.server.user))
    )
    yield name
    admin.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))


def test_nobody_may_embed_unasked_and_the_error_says_what_to_do(
    owner: Connection, user: Connection, realm: Realm
) -> None:
    for statement in (EMBED, "select sqlembed.similarity('hash', 'a', 'b')"):
        with pytest.raises(psycopg.Error, match="permission denied for embedder hash") as raised:
            user.execute(statement)
        assert raised.value.sqlstate == "42501"
        assert "sqlembed.grant_embedder('hash', " in str(raised.value.diag.message_hint)
    grant(owner, realm.server.user)
    assert may_embed(user)
    assert not may_embed(realm.connect(realm.server.hostile))


def test_members_inherit_the_right_and_lose_it_with_the_membership(
    owner: Connection, user: Connection, group: str, realm: Realm
) -> None:
    grant(owner, group)
    assert may_embed(user)
    realm.server.admin.execute(
        sql.SQL("revoke {} from {}").format(
            sql.Identifier(group), sql.Identifier(realm.server.user)
        )
    )
    assert not may_embed(user)


def test_everybody_may_after_a_grant_to_public(owner: Connection, user: Connection) -> None:
    grant(owner, "public")
    assert may_embed(user)
    grant(owner, "public", "revoke")
    assert not may_embed(user)


def test_the_right_follows_set_role(
    owner: Connection, user: Connection, group: str, realm: Realm
) -> None:
    grant(owner, realm.server.user)
    user.execute(sql.SQL("set role {}").format(sql.Identifier(group)))
    assert not may_embed(user)
    user.execute("reset role")
    assert may_embed(user)


def test_a_function_with_its_owners_rights_embeds_for_others(
    owner: Connection, user: Connection, realm: Realm
) -> None:
    """The right is that of the current role, and a view, unlike a function, has none of its own."""
    owner.execute("create schema app")
    owner.execute("grant usage on schema app to public")
    owner.execute(
        """
        create function app.embed_for_all(input text) returns public.vector
        language sql stable security definer set search_path = pg_catalog, pg_temp
        as $$ select sqlembed.embed('hash', input) $$
        """
    )
    owner.execute("create view app.food as select sqlembed.embed('hash', 'food') as v")
    owner.execute("grant select on app.food to public")
    assert user.execute("select vector_dims(app.embed_for_all('food'))").fetchone() == (8,)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        user.execute("select v from app.food")
    grant(owner, realm.server.user)
    assert user.execute("select vector_dims(v) from app.food").fetchone() == (8,)


def test_a_key_is_seen_only_by_grantees_and_worthless_after_a_revocation(
    owner: Connection, user: Connection, realm: Realm
) -> None:
    ask = "select sqlembed._ask('hash', %s, 'query', array['food'])"
    assert user.execute("select * from sqlembed.embedder_key").fetchall() == []
    grant(owner, realm.server.user)
    row = user.execute("select key from sqlembed.embedder_key where embedder = 'hash'").fetchone()
    assert row is not None
    assert user.execute(ask, row).fetchone() is not None
    grant(owner, realm.server.user, "revoke")
    assert user.execute("select * from sqlembed.embedder_key").fetchall() == []
    for key in (row[0], b"", None):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            user.execute(ask, (key,))


def test_only_the_owner_grants(owner: Connection, user: Connection, realm: Realm) -> None:
    grant(owner, realm.server.user)
    for statement in (
        "select sqlembed.grant_embedder('hash', 'public')",
        "select sqlembed.revoke_embedder('hash', 'public')",
        "update sqlembed.embedder_key set grantees = '{0}'",
        "select sqlembed.register_embedder('mine', 8)",
        "select sqlembed._register_name('mine', 8)",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            user.execute(statement)


def test_a_grant_for_nobody_or_nothing_says_so(owner: Connection) -> None:
    with pytest.raises(psycopg.Error, match="role 'nobody at all' does not exist") as raised:
        grant(owner, "nobody at all")
    assert raised.value.sqlstate == "42704"
    for verb in ("grant", "revoke"):
        with pytest.raises(psycopg.Error, match="unknown embedder 'other'") as raised:
            owner.execute(f"select sqlembed.{verb}_embedder('other', 'public')".encode())
        assert raised.value.sqlstate == "SE001"


def test_a_right_taken_from_a_role_that_is_gone_harms_nobody(
    owner: Connection, user: Connection, group: str, realm: Realm
) -> None:
    grant(owner, group)
    realm.server.admin.execute(sql.SQL("drop role {}").format(sql.Identifier(group)))
    assert not may_embed(user)
    grant(owner, realm.server.user)
    assert may_embed(user)
    realm.server.admin.execute(sql.SQL("create role {}").format(sql.Identifier(group)))
    assert not may_embed(realm.connect(realm.server.hostile))


def test_whoever_may_not_embed_may_not_declare(
    owner: Connection, user: Connection, realm: Realm
) -> None:
    """Neither with the function nor behind its back: the worker would embed for them."""
    realm.connect().execute("grant create on schema public to public")
    user.execute("create table mine (id int primary key, title text, embedding vector(8))")
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="embedder hash"):
        user.execute("select sqlembed.create_embedding('mine', 'hash', 'title')")
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="embedder hash"):
        user.execute(
            """
            insert into sqlembed.embedding (
                relation, name, embedder, source, declared_source, timing, on_change, metric,
                storage, index, place, dimensions, key_columns, key_expression, source_columns
            )
            values (
                'mine', 'embedding', 'hash', 'title', 'title', 'async', 'keep', 'cosine',
                'vector', 'none', 'row', 8, '{id}', 'jsonb_build_array(r.id)', '{title}'
            )
            """
        )
    grant(owner, realm.server.user)
    user.execute("select sqlembed.create_embedding('mine', 'hash', 'title')")


def test_registering_does_not_wait_for_a_declaration(owner: Connection, realm: Realm) -> None:
    """A worker registers when it starts, and a migration may hold its transaction open for long."""
    owner.execute("create schema app")
    owner.execute("create table app.t (id int primary key, title text)")
    other = realm.connect(realm.server.owner)
    with owner.transaction():
        owner.execute("select sqlembed.create_embedding('app.t', 'hash', 'title')")
        other.execute("set lock_timeout = '1s'")
        other.execute("select sqlembed.register_embedder('hash', 8)")
