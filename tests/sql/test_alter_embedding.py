"""alter_embedding: each change does what it needs and no more."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sql.changing import SOURCE, article, embedded
from tests.writing import (
    Connection,
    changes,
    declare,
    embed_all,
    hash_registry,
    outdated,
    refused,
    register,
    rows,
    run,
    scalar,
)

__all__ = ["article", "embedded"]

INDEX = """
select c.relname, o.opcname
from pg_index as i
join pg_class as c on c.oid = i.indexrelid
join pg_opclass as o on o.oid = i.indclass[0]
join pg_am as m on m.oid = c.relam
where m.amname = 'hnsw'
"""

TRIGGERS = "select tgname, oid from pg_trigger where tgrelid = 'article'::regclass order by 1"

HELD = "select count(*) from article where embedding is not null"


def alter(connection: Connection, relation: str = "article", **options: object) -> int:
    named = "".join(f", {name} => %s" for name in options)
    statement = f"select sqlembed.alter_embedding(%s::regclass{named})"
    return int(scalar(connection, statement, relation, *options.values()))


def declaration(connection: Connection, columns: str) -> Any:
    ((*values,),) = rows(connection, f"select {columns} from sqlembed.embedding")
    return values


def test_without_a_change_nothing_happens(embedded: Connection) -> None:
    before = rows(embedded, "select *, xmin from sqlembed.embedding"), rows(embedded, TRIGGERS)
    assert alter(embedded) == 0
    assert alter(embedded, source="title||' '||body", timing="async", metric="cosine") == 0
    after = rows(embedded, "select *, xmin from sqlembed.embedding"), rows(embedded, TRIGGERS)
    assert changes(embedded) == []
    assert after[1] == before[1]


def test_another_source_queues_all_rows_and_keeps_their_vectors(
    embedded: Connection, shared_url: str
) -> None:
    assert alter(embedded, source="upper(title)") == 3
    assert scalar(embedded, HELD) == 3
    embed_all(shared_url)
    assert outdated(embedded, "article", "upper(title)") == []
    run(embedded, "update article set body = 'other'")
    assert changes(embedded) == []
    run(embedded, "update article set title = 'other' where id = 1")
    embed_all(shared_url)
    assert outdated(embedded, "article", "upper(title)") == []
    assert declaration(embedded, "source, declared_source, source_columns") == [
        "upper(title)",
        "upper(title)",
        ["title"],
    ]


def test_another_timing_makes_the_triggers_anew(embedded: Connection) -> None:
    assert alter(embedded, timing="sync") == 0
    message = refused(embedded, "SE007", "insert into article (title, body) values ('x', 'y')")
    assert "loopback" in message
    assert alter(embedded, timing="async") == 0
    run(embedded, "insert into article (id, title, body) values (9, 'x', 'y')")
    assert changes(embedded) == [[9]]


def test_another_on_change_counts_from_then_on(embedded: Connection) -> None:
    alter(embedded, on_change="keep")
    run(embedded, "update article set title = 'new' where id = 1")
    assert scalar(embedded, HELD) == 3
    alter(embedded, on_change="hide")
    run(embedded, "update article set title = 'newer' where id = 1")
    assert scalar(embedded, HELD) == 2
    assert changes(embedded) == [[1], [1]]


def test_another_metric_exchanges_the_index(article: Connection) -> None:
    declare(article, "article", SOURCE, index="hnsw")
    ((before, _),) = rows(article, INDEX)
    triggers = rows(article, TRIGGERS)
    assert alter(article, metric="euclidean") == 0
    ((after, operators),) = rows(article, INDEX)
    assert (after, operators) == (before, "vector_l2_ops")
    assert declaration(article, "metric, index_name") == ["euclidean", after]
    assert rows(article, TRIGGERS) == triggers
    alter(article, index="none")
    assert rows(article, INDEX) == []
    assert declaration(article, "index, index_name") == ["none", None]
    alter(article, index="hnsw")
    assert rows(article, INDEX) == [(before, "vector_l2_ops")]


def test_an_index_that_was_built_before_is_taken_over(article: Connection) -> None:
    declare(article, "article", SOURCE, index="hnsw")
    run(article, "create index built on article using hnsw (embedding vector_l1_ops)")
    hint = refused(
        article, "SE011", "select sqlembed.alter_embedding('article', index_name => 'x')"
    )
    assert "index_name" in hint
    alter(article, metric="l1", index_name="built")
    assert rows(article, INDEX) == [("built", "vector_l1_ops")]
    assert declaration(article, "index_name") == ["built"]
    run(article, "select sqlembed.drop_embedding('article')")
    assert rows(article, INDEX) == []


def test_an_index_of_another_table_is_left_alone(article: Connection) -> None:
    """The name may have been noted by anybody's hand."""
    declare(article, "article", SOURCE, index="hnsw")
    run(article, "create table other (v vector(8))")
    run(article, "create index theirs on other using hnsw (v vector_cosine_ops)")
    refused(
        article,
        "SE011",
        "select sqlembed.alter_embedding('article', metric => 'l1', index_name => 'theirs')",
    )
    run(article, "update sqlembed.embedding set index_name = 'theirs'")
    alter(article, index="none")
    assert "theirs" in {name for name, _ in rows(article, INDEX)}


def test_an_index_of_another_kind_is_not_taken_over(article: Connection) -> None:
    declare(article, "article", SOURCE, index="hnsw")
    before = rows(article, INDEX)
    run(article, "create index wrong on article (title)")
    message = refused(
        article,
        "SE011",
        "select sqlembed.alter_embedding('article', metric => 'l1', index_name => 'wrong')",
    )
    assert "wrong" in message
    assert rows(article, INDEX) == before


@pytest.mark.parametrize("options", [{"embedder": "other"}, {"storage": "halfvec"}])
def test_another_embedder_or_storage_makes_the_column_anew(
    embedded: Connection, shared_url: str, role: str, options: dict[str, str]
) -> None:
    register(embedded, "other")
    alter(embedded, index="hnsw")
    run(embedded, f"grant update (embedding) on article to {role}")
    run(embedded, "comment on column article.embedding is 'Mine'")
    assert alter(embedded, **options) == 3
    assert scalar(embedded, HELD) == 0
    embed_all(shared_url, hash_registry("hash", "other"))
    assert outdated(embedded, "article", SOURCE) == []
    kind = options.get("storage", "vector")
    assert [operators for _, operators in rows(embedded, INDEX)] == [f"{kind}_cosine_ops"]
    assert scalar(
        embedded, "select has_column_privilege(%s, 'article', 'embedding', 'update')", role
    )
    assert (
        scalar(
            embedded,
            "select col_description(attrelid, attnum) from pg_attribute"
            " where attrelid = 'article'::regclass and attname = 'embedding'",
        )
        == "Mine"
    )
    run(embedded, "update article set title = 'new' where id = 1")
    embed_all(shared_url, hash_registry("hash", "other"))
    assert outdated(embedded, "article", SOURCE) == []


def test_other_dimensions_come_with_another_embedder(embedded: Connection) -> None:
    assert alter(embedded, embedder="unheard", dimensions=16) == 3
    assert declaration(embedded, "embedder, dimensions") == ["unheard", 16]
    assert (
        scalar(
            embedded,
            "select format_type(atttypid, atttypmod) from pg_attribute"
            " where attrelid = 'article'::regclass and attname = 'embedding'",
        )
        == "vector(16)"
    )


@pytest.mark.parametrize("change", [{"source": "upper(title)"}, {"embedder": "other"}])
def test_a_side_table_follows(article: Connection, shared_url: str, change: dict[str, str]) -> None:
    register(article, "other")
    declare(article, "article", SOURCE, place="side", index="hnsw")
    run(article, "insert into article (title, body) values ('a', 'x'), ('b', 'y')")
    embed_all(shared_url)
    assert alter(article, **change) == 2
    embedded = "select embedded, pending from sqlembed.status"
    assert rows(article, embedded) == [(0, 2)]
    embed_all(shared_url, hash_registry("hash", "other"))
    assert rows(article, embedded) == [(2, 0)]
    assert outdated(article, "article join article_embedding as s using (id)",
                    change.get("source", SOURCE)) == []  # fmt: skip
    run(article, "update article set title = 'c'")
    assert rows(article, embedded) == [(0, 2)]


def test_full_text_follows_the_source(article: Connection) -> None:
    declare(article, "article", SOURCE, full_text="english")
    run(article, "insert into article values (1, 'cats', 'dogs')")
    words = "select embedding_full_text::text from article"
    assert scalar(article, words) == "'cat':1 'dog':2"
    alter(article, source="body")
    assert scalar(article, words) == "'dog':1"
    alter(article, full_text="simple")
    assert scalar(article, words) == "'dogs':1"
    alter(article, full_text="")
    refused(article, "42703", words)
    assert declaration(article, "full_text, full_text_column") == [None, None]


def test_other_chunking_cuts_texts_again(article: Connection, shared_url: str) -> None:
    chunking = '{"characters": 20}'
    declare(article, "article", "body", chunking=chunking, index="hnsw")
    run(article, "insert into article values (1, 't', repeat('some words ', 20))")
    embed_all(shared_url)
    count = "select count(*) from article_embedding"
    before = scalar(article, count)
    assert alter(article, chunking='{"overlap": 0, "characters": 20}') == 0
    id = scalar(article, "select id from sqlembed.embedding")
    describe = "select write_vectors from sqlembed._describe_embedding(%s)"
    current = scalar(article, describe, id)
    assert alter(article, chunking='{"characters": 100}') == 1
    assert scalar(article, describe, id) != current
    embed_all(shared_url)
    assert 0 < scalar(article, count) < before / 2
    assert rows(article, "select embedded, pending from sqlembed.status") == [(1, 0)]


def test_chunks_need_a_side_table(embedded: Connection) -> None:
    statement = "select sqlembed.alter_embedding('article', chunking => '{\"characters\": 100}')"
    assert "drop_embedding" in refused(embedded, "SE014", statement)


def test_what_was_computed_for_the_old_declaration_is_not_written(
    embedded: Connection,
) -> None:
    """A worker that has computed vectors meanwhile finds that they are no longer wanted."""
    id = scalar(embedded, "select id from sqlembed.embedding")
    write = scalar(embedded, "select write_vectors from sqlembed._describe_embedding(%s)", id)
    statement = (
        write.replace("$1", "array['[1]'::jsonb]")
        .replace("$2", "array[sha256('a x')]")
        .replace("$3", "array['[9,9,9,9,9,9,9,9]'::vector]")
    )
    assert embedded.execute(statement).fetchall() == [([1],)]
    alter(embedded, source="title || ' ' || body || ''")
    assert embedded.execute(statement).fetchall() == []


def test_what_waits_for_a_writer_sees_what_it_has_written(
    embedded: Connection, shared_url: str
) -> None:
    assert alter(embedded, source="title") == 3
    assert alter(embedded, source=SOURCE) == 3
    embed_all(shared_url)
    assert outdated(embedded, "article", SOURCE) == []


@pytest.mark.parametrize(
    ("sqlstate", "options"),
    [
        ("SE012", {"source": "nothing"}),
        ("SE012", {"source": "embedding::text"}),
        ("SE012", {"source": "''"}),
        ("SE014", {"timing": "later"}),
        ("SE014", {"metric": "hamming"}),
        ("SE014", {"index": "btree"}),
        ("SE014", {"storage": "bit"}),
        ("SE001", {"embedder": "unheard"}),
        ("SE001", {"embedder": ""}),
        ("SE011", {"embedder": "hash", "dimensions": 9}),
        ("SE013", {"embedding": "title"}),
        ("42704", {"full_text": "klingon"}),
    ],
)
def test_bad_input_changes_nothing(
    embedded: Connection, sqlstate: str, options: dict[str, object]
) -> None:
    before = rows(embedded, "select *, xmin from sqlembed.embedding"), rows(embedded, TRIGGERS)
    named = "".join(f", {name} => %s" for name in options)
    statement = f"select sqlembed.alter_embedding('article'{named})"
    assert "\n" in refused(embedded, sqlstate, statement, *options.values())
    assert (
        rows(embedded, "select *, xmin from sqlembed.embedding"),
        rows(embedded, TRIGGERS),
    ) == before
    assert changes(embedded) == []


def test_sync_does_not_go_with_a_side_table(article: Connection) -> None:
    declare(article, "article", SOURCE, place="side")
    refused(article, "SE014", "select sqlembed.alter_embedding('article', timing => 'sync')")


def test_odd_names_and_sources(shared: Connection, shared_url: str) -> None:
    relation = '"Wörter ""%x"'
    run(shared, f'create table {relation} (id int primary key, "t\'x" text, "new" text)')
    declare(shared, relation, '"t\'x"', embedding="v %s '\\")
    run(shared, f"insert into {relation} values (1, 'a', 'b')")
    source = '"new" || E\'\\n%\\\\\' || "t\'x"'
    assert alter(shared, relation, embedding="v %s '\\", source=source, metric="l1") == 1
    assert alter(shared, relation, embedding="v %s '\\", index="hnsw") == 0
    embed_all(shared_url)
    assert scalar(shared, "select embedded from sqlembed.status") == 1


def test_only_the_owner_alters(embedded: Connection, role: str) -> None:
    run(embedded, f"grant usage on schema work to {role}")
    run(embedded, f"set role {role}")
    try:
        refused(embedded, "42501", "select sqlembed.alter_embedding('article', metric => 'l1')")
        assert rows(embedded, "update sqlembed.embedding set timing = 'sync' returning 1") == []
    finally:
        run(embedded, "reset role")


def test_an_owner_needs_the_right_to_the_embedder(embedded: Connection, role: str) -> None:
    register(embedded, "other")
    run(embedded, "select sqlembed.revoke_embedder('other', 'public')")
    run(embedded, "select sqlembed.revoke_embedder('hash', 'public')")
    run(embedded, f"grant all on schema work to {role}")
    run(embedded, f"alter table article owner to {role}")
    run(embedded, f"set role {role}")
    try:
        for statement in (
            "select sqlembed.alter_embedding('article', embedder => 'other')",
            "update sqlembed.embedding set embedder = 'other'",
        ):
            refused(embedded, "42501", statement)
        refused(embedded, "42501", "select sqlembed.alter_embedding('article', source => 'title')")
        run(embedded, "reset role")
        run(embedded, f"select sqlembed.grant_embedder('hash', '{role}')")
        run(embedded, f"set role {role}")
        assert alter(embedded, source="title") == 3
    finally:
        run(embedded, "reset role")


def test_renamed_columns_are_followed_first(embedded: Connection, shared_url: str) -> None:
    run(embedded, "alter table article rename column embedding to vec")
    said = refused(
        embedded, "SE013", "select sqlembed.alter_embedding('article', timing => 'sync')"
    )
    assert "embedding to vec" in said
    embed_all(shared_url)
    alter(embedded, embedding="vec", on_change="keep")
    assert declaration(embedded, "name, on_change") == ["vec", "keep"]


def test_a_column_that_was_renamed_a_moment_ago_is_dropped(embedded: Connection) -> None:
    run(embedded, "alter table article rename column embedding to vec")
    run(embedded, "select sqlembed.drop_embedding('article', keep_column => false)")
    assert (
        rows(
            embedded,
            "select from pg_attribute where attrelid = 'article'::regclass and attname = 'vec'",
        )
        == []
    )
