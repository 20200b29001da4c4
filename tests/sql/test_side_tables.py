"""The side table itself: its name, key and owner, what is taken over, and what becomes of it."""

from __future__ import annotations

import pytest

from tests.sql.beside import beside, found, wrong
from tests.sql.test_declared_tables import KEYS, ODD_SETTINGS
from tests.writing import (
    Connection,
    changes,
    declare,
    embed_all,
    refused,
    rows,
    run,
    scalar,
)

COLUMNS = """
select attname, format_type(atttypid, atttypmod), attcollation::regcollation::text
from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped order by attnum
"""

DECLARE = "select sqlembed.create_embedding('article', 'hash', 'title', place => 'side')"


@pytest.fixture
def article(shared: Connection) -> Connection:
    run(shared, "create table article (id int primary key, title text)")
    run(shared, "insert into article values (1, 'one'), (2, 'two')")
    return shared


def test_what_is_made(article: Connection, shared_url: str) -> None:
    assert declare(article, "article", "title", place="side", index="hnsw") == 2
    assert rows(article, COLUMNS, "article_embedding") == [
        ("id", "integer", "-"),
        ("source_hash", "bytea", "-"),
        ("embedding", "vector(8)", "-"),
    ]
    assert rows(article, "select side::text, hash_function from sqlembed.embedding") == [
        ("article_embedding", "article_embedding_hash")
    ]
    definitions = [
        definition
        for (definition,) in rows(
            article, "select indexdef from pg_indexes where tablename = 'article_embedding'"
        )
    ]
    assert any("UNIQUE" in one and "(id)" in one for one in definitions)
    assert any("hnsw (embedding vector_cosine_ops)" in one for one in definitions)
    assert scalar(article, "select count(*) from pg_indexes where tablename = 'article'") == 1
    embed_all(shared_url)
    assert wrong(article) == []
    # Saying it twice is no error, saying it otherwise is one.
    same = {"place": "side", "index": "hnsw", "if_not_exists": True}
    assert declare(article, "article", "title", **same) == 0
    refused(
        article,
        "SE011",
        "select sqlembed.create_embedding('article', 'hash', 'title', if_not_exists => true)",
    )


@pytest.mark.parametrize(
    ("metric", "storage", "operators"),
    [
        ("euclidean", "vector", "vector_l2_ops"),
        ("inner_product", "vector", "vector_ip_ops"),
        ("l1", "halfvec", "halfvec_l1_ops"),
        ("cosine", "halfvec", "halfvec_cosine_ops"),
    ],
)
def test_metric_and_storage(
    article: Connection, shared_url: str, metric: str, storage: str, operators: str
) -> None:
    declare(article, "article", "title", place="side", index="hnsw", metric=metric, storage=storage)
    assert operators in scalar(article, "select indexdef from pg_indexes where indexdef ~ 'hnsw'")
    embed_all(shared_url)
    assert wrong(article) == []
    assert found(article) == [1, 2]


@pytest.mark.parametrize("type_name", KEYS)
def test_every_type_can_be_a_key(shared: Connection, shared_url: str, type_name: str) -> None:
    first, second = KEYS[type_name]
    run(shared, f"create table t (k {type_name} primary key, title text)")
    run(shared, f"insert into t values ({first}, 'one')")
    declare(shared, "t", "title", place="side")
    run(shared, ODD_SETTINGS)
    run(shared, f"insert into t values ({second}, 'two')")
    run(shared, "update t set title = 'one changed' where title = 'one'")
    embed_all(shared_url)
    join = "t full join t_embedding as s using (k)"
    assert wrong(shared, join) == []
    assert scalar(shared, "select embedded from sqlembed.status") == 2
    run(shared, "delete from t where title = 'two'")
    embed_all(shared_url)
    assert wrong(shared, join) == []
    assert rows(shared, "select failed, pending, embedded from sqlembed.status") == [(0, 0, 1)]


def test_a_key_of_many_columns(shared: Connection, shared_url: str) -> None:
    run(
        shared,
        """
        create table t (
            title text, "B b" text collate "C", a varchar(9), day timestamptz, m mood, extra int,
            primary key (m, day, "B b", a) include (extra)
        )
        """,
    )
    declare(shared, "t", "title", place="side")
    run(
        shared,
        "insert into t select 'row ' || i, 'é''%s', i, now(), 'sad'"
        " from generate_series(1, 3) as i",
    )
    assert rows(shared, COLUMNS, "t_embedding")[:4] == [
        ("m", "mood", "-"),
        ("day", "timestamp with time zone", "-"),
        ("B b", "text", '"C"'),
        ("a", "character varying(9)", '"default"'),
    ]
    embed_all(shared_url)
    join = 't full join t_embedding as s using (m, day, "B b", a)'
    assert wrong(shared, join) == []
    run(shared, "update t set title = title || 'x', a = a || 1 where a > '1'")
    run(shared, "delete from t where a = '1'")
    embed_all(shared_url)
    assert wrong(shared, join) == []
    assert scalar(shared, "select count(*) from t_embedding") == 2


def test_keys_of_one_row_that_are_written_in_two_ways(shared: Connection, shared_url: str) -> None:
    run(shared, "create table t (k citext primary key, title text)")
    declare(shared, "t", "title", place="side")
    run(shared, "insert into t values ('A', 'one')")
    run(shared, "update t set k = 'a', title = 'two'")
    embed_all(shared_url)
    assert wrong(shared, "t full join t_embedding as s using (k)") == []
    assert scalar(shared, "select count(*) from t_embedding") == 1


NAMES = [
    ('"Article s"', '"my vector"', '"Article s_my vector"'),
    ('"%s""\'x"', "embedding", '"%s""\'x_embedding"'),
    ('"back\\slash"', '"ë"', '"back\\slash_ë"'),
    ("t" * 40, "v" * 40, None),
    ('"' + "é" * 31 + '"', '"' + "日" * 20 + '"', None),
    ("r", "s", "r_s"),
    ("side", "key", "side_key"),
    ('"sqlembed_side"', "source_hash_2", "sqlembed_side_source_hash_2"),
]


@pytest.mark.parametrize(("table", "vector", "side"), NAMES)
def test_names(
    shared: Connection, shared_url: str, table: str, vector: str, side: str | None
) -> None:
    run(shared, "set search_path = public")
    name = f"work.{table}"
    run(shared, f'create table {name} (id int primary key, r text, "s ""%" text)')
    literal = vector.strip('"')
    source = """ "s ""%" || r """
    arguments = {"embedding": literal, "place": "side", "index": "hnsw"}
    declare(shared, name, source, **arguments)
    run(shared, f"insert into {name} values (1, 'a', 'b'), (2, 'c', 'd')")
    embed_all(shared_url)
    assert scalar(shared, "select embedded from sqlembed.status") == 2
    made = scalar(shared, "select side::text from sqlembed.embedding")
    assert made.startswith("work.") and side in (None, made.removeprefix("work."))
    assert scalar(shared, f"select count(*) from {made}") == 2
    assert found(
        shared, name.replace("%", "%%"), embedding=literal, filter="id = 1 and r = 'a'"
    ) == [1]
    run(shared, "select sqlembed.drop_embedding(%s, %s, false)", name, literal)
    assert scalar(shared, "select to_regclass(%s)", made) is None
    assert (
        rows(shared, "select proname from pg_proc where pronamespace = 'work'::regnamespace") == []
    )


def test_long_names_do_not_meet(shared: Connection) -> None:
    for number in (1, 2):
        run(shared, f"create table {'t' * 60}{number} (id int primary key, title text)")
        declare(shared, f"{'t' * 60}{number}", "title", place="side")
    assert scalar(shared, "select count(distinct side) from sqlembed.embedding") == 2


LIKE = "create table article_embedding (id {key} primary key, source_hash bytea, embedding {kind})"


@pytest.mark.parametrize(
    "taken",
    [
        "create table article_embedding (x int)",
        "create table article_embedding (id int primary key, title text)",
        LIKE.format(key="bigint", kind="vector(8)"),
        "create view article_embedding as select 1 as id",
        "create sequence article_embedding",
        "create type article_embedding as enum ('x')",
        LIKE.format(key="int", kind="vector(7)"),
        "create function article_embedding_hash(article) returns bytea return ''::bytea",
        LIKE.format(key="int", kind="vector(8)")
        + "; alter table article_embedding owner to pg_monitor",
    ],
)
def test_a_name_that_is_taken_is_refused(article: Connection, taken: str) -> None:
    run(article, taken)
    said = refused(article, "SE011", DECLARE)
    assert "article_embedding" in said.splitlines()[0] and said.splitlines()[1]
    assert rows(article, "select * from sqlembed.embedding") == []
    assert rows(article, "select tgname from pg_trigger where tgrelid = 'article'::regclass") == []


def test_two_embeddings_do_not_share_a_table(article: Connection) -> None:
    run(article, "create table a (id int primary key, title text)")
    run(article, "create table a_b (id int primary key, title text)")
    declare(article, "a", "title", embedding="b_c", place="side")
    statement = "select sqlembed.create_embedding('a_b', 'hash', 'title', 'c', place => 'side')"
    assert "belongs to another embedding" in refused(article, "SE011", statement)


def test_a_key_column_of_the_hash_s_name(shared: Connection) -> None:
    run(shared, "create table article (source_hash int primary key, title text)")
    assert "place => 'row'" in refused(shared, "SE010", DECLARE)


def test_drop_and_declare_again(article: Connection, shared_url: str) -> None:
    declare(article, "article", "title", place="side", index="hnsw")
    embed_all(shared_url)
    run(article, "select sqlembed.drop_embedding('article')")
    assert rows(article, "select tgname from pg_trigger where tgrelid = 'article'::regclass") == []
    for left in ("pg_policies where schemaname = 'work'", "pg_indexes where indexdef ~ 'hnsw'"):
        assert rows(article, f"select * from {left}") == []
    assert beside(article) == [1, 2]
    run(article, "update article set title = 'new' where id = 1")
    run(article, "delete from article where id = 2")
    run(article, "insert into article values (3, 'three')")
    assert declare(article, "article", "title", place="side") == 2
    assert changes(article) == [[1], [3], []]
    run(article, "select sqlembed.drop_embedding('article')")
    # All of them, and what is left over goes.
    assert declare(article, "article", "title", place="side", adopt="recompute") == 2
    embed_all(shared_url)
    assert (wrong(article), beside(article)) == ([], [1, 3])
    run(article, "select sqlembed.drop_embedding('article', keep_column => false)")
    assert scalar(article, "select to_regclass('article_embedding')") is None


def test_renames(article: Connection, shared_url: str) -> None:
    declare(article, "article", "title", place="side", index="hnsw")
    embed_all(shared_url)
    run(article, "create schema elsewhere")
    run(article, "alter table article rename to essay")
    run(article, "alter table essay set schema elsewhere")
    run(article, "alter table elsewhere.essay rename id to number")
    run(article, "alter table article_embedding rename to vectors")
    run(article, "update elsewhere.essay set title = 'new' where number = 1")
    search = "select (base).number from sqlembed.vector_search(null::elsewhere.essay, %s)"
    assert rows(article, search, "[1,1,1,1,1,1,1,1]") == [(2,)]
    # A worker notices the key's new name, and queues what was not noted until then.
    embed_all(shared_url)
    join = "elsewhere.essay as t full join vectors as s on s.id = t.number"
    assert wrong(article, join) == []
    run(article, "insert into elsewhere.essay values (3, 'three')")
    run(article, "delete from elsewhere.essay where number = 2")
    embed_all(shared_url)
    assert wrong(article, join) == []
    run(article, "select sqlembed.drop_embedding('elsewhere.essay', keep_column => false)")
    assert scalar(article, "select to_regclass('vectors')") is None


def test_dropping_the_table(article: Connection, shared_url: str) -> None:
    declare(article, "article", "title", place="side")
    embed_all(shared_url)
    # The policy and the hash function read it.
    refused(article, "2BP01", "drop table article")
    run(article, "drop table article cascade")
    embed_all(shared_url)
    assert rows(article, "select * from sqlembed.embedding") == []
    assert rows(article, "select * from sqlembed._queued") == []
    assert beside(article) == [1, 2]


def test_dropping_the_side_table(article: Connection, shared_url: str) -> None:
    declare(article, "article", "title", place="side")
    embed_all(shared_url)
    run(article, "drop table article_embedding")
    assert rows(article, "select * from sqlembed.status") == []
    assert "drop_embedding" in refused(
        article, "SE013", "select * from sqlembed.vector_search(null::article, '[1,1,1,1,1,1,1,1]')"
    )
    run(article, "insert into article values (3, 'three')")
    run(article, "select sqlembed.drop_embedding('article')")
    assert declare(article, "article", "title", place="side") == 3
    embed_all(shared_url)
    assert wrong(article) == []


def test_a_partitioned_table(shared: Connection, shared_url: str) -> None:
    run(
        shared,
        """
        create table article (id int, part int, title text, primary key (id, part))
        partition by list (part);
        create table one partition of article for values in (1);
        create table two partition of article for values in (2)
        """,
    )
    declare(shared, "article", "title", place="side")
    run(shared, "insert into article values (1, 1, 'a'), (2, 2, 'b'), (3, 1, 'c')")
    embed_all(shared_url)
    run(shared, "update article set part = 2, title = 'moved' where id = 1")
    assert found(shared) == [2, 3]
    run(shared, "delete from article where id = 3")
    embed_all(shared_url)
    join = "article as t full join article_embedding as s using (id, part)"
    assert wrong(shared, join) == []
    assert found(shared) == [1, 2]
