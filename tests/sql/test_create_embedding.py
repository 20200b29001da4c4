"""create_embedding: what it makes, what it takes over, what it refuses."""

from __future__ import annotations

import pytest

from tests.writing import (
    Connection,
    changes,
    declare,
    embed_all,
    hash_registry,
    outdated,
    refused,
    rows,
    run,
    scalar,
)

TRIGGERS = """
select tgname from pg_trigger where tgrelid = 'article'::regclass and not tgisinternal order by 1
"""


@pytest.fixture
def article(shared: Connection) -> Connection:
    """A connection to a database with two articles and the embedder ``hash``."""
    run(shared, "create table article (id bigint primary key, title text, body text, year int)")
    run(shared, "insert into article values (1, 'one', 'first', 2001), (2, 'two', 'second', 2002)")
    return shared


def test_it_adds_a_column_triggers_and_index_and_queues_the_rows(
    article: Connection, shared_url: str
) -> None:
    assert declare(article, "article", "title || E'\\n' || body", index="hnsw") == 2
    assert (
        scalar(
            article,
            "select format_type(atttypid, atttypmod) from pg_attribute"
            " where attrelid = 'article'::regclass and attname = 'embedding'",
        )
        == "vector(8)"
    )
    id = scalar(article, "select id from sqlembed.embedding")
    assert [name for (name,) in rows(article, TRIGGERS)] == [
        f"sqlembed_applied_{id}",
        f"sqlembed_insert_{id}",
        f"sqlembed_update_{id}",
        f"zz_sqlembed_hide_{id}",
    ]
    ((index, definition),) = rows(
        article, "select indexname, indexdef from pg_indexes where indexdef like '%%hnsw%%'"
    )
    assert "vector_cosine_ops" in definition
    ((source, written, columns, key, made),) = rows(
        article,
        "select source, declared_source, source_columns, key_columns, index_name"
        " from sqlembed.embedding",
    )
    assert source == "((title || '\n'::text) || body)"
    assert (written, columns, key, made) == (
        "title || E'\\n' || body",
        ["title", "body"],
        ["id"],
        index,
    )
    embed_all(shared_url)
    assert outdated(article, "article", "title || E'\\n' || body") == []
    assert changes(article) == []


@pytest.mark.parametrize(
    ("options", "type_name", "operators"),
    [
        ({"metric": "euclidean"}, "vector(8)", "vector_l2_ops"),
        ({"metric": "inner_product"}, "vector(8)", "vector_ip_ops"),
        ({"metric": "l1"}, "vector(8)", "vector_l1_ops"),
        ({"storage": "halfvec"}, "halfvec(8)", "halfvec_cosine_ops"),
    ],
)
def test_metric_and_storage(
    article: Connection, shared_url: str, options: dict[str, str], type_name: str, operators: str
) -> None:
    declare(article, "article", "title", index="hnsw", **options)
    assert type_name == scalar(
        article,
        "select format_type(atttypid, atttypmod) from pg_attribute"
        " where attrelid = 'article'::regclass and attname = 'embedding'",
    )
    assert operators in scalar(
        article, "select indexdef from pg_indexes where indexdef like '%%hnsw%%'"
    )
    embed_all(shared_url)
    assert outdated(article, "article", "title", "embedding::vector") == []


def test_an_index_of_the_same_kind_is_taken_over(article: Connection) -> None:
    run(article, "alter table article add embedding vector(8)")
    run(article, "create index mine on article using hnsw (embedding vector_cosine_ops)")
    declare(article, "article", "title", index="hnsw")
    assert scalar(article, "select index_name from sqlembed.embedding") is None
    assert scalar(article, "select count(*) from pg_indexes where indexdef like '%%hnsw%%'") == 1
    run(article, "select sqlembed.drop_embedding('article')")
    assert scalar(article, "select count(*) from pg_indexes where indexname = 'mine'") == 1


def test_an_index_of_another_metric_does_not_do(article: Connection) -> None:
    run(article, "alter table article add embedding vector(8)")
    run(article, "create index mine on article using hnsw (embedding vector_l2_ops)")
    declare(article, "article", "title", index="hnsw")
    assert scalar(article, "select count(*) from pg_indexes where indexdef like '%%hnsw%%'") == 2


def test_a_column_with_vectors_is_kept_or_recomputed(article: Connection, shared_url: str) -> None:
    run(article, "alter table article add kept vector(8), add made vector(8)")
    run(article, "update article set kept = '[1,1,1,1,1,1,1,1]', made = kept where id = 1")
    run(article, "update article set made = kept where id = 1")
    assert declare(article, "article", "title", embedding="kept") == 1
    assert declare(article, "article", "title", embedding="made", adopt="recompute") == 2
    # Until then it stays.
    assert scalar(article, "select count(made) from article") == 1
    embed_all(shared_url)
    assert [text for text, _ in outdated(article, "article", "title", "kept")] == ["one"]
    assert outdated(article, "article", "title", "made") == []


@pytest.mark.parametrize(
    "column",
    [
        "embedding text",
        "embedding halfvec(7)",
        "embedding bit(8)",
        "embedding vector(7)",
        "embedding vector(8) not null default '[1,1,1,1,1,1,1,1]'",
        "embedding vector(8) generated always as ('[1,1,1,1,1,1,1,1]'::vector(8)) stored",
    ],
)
def test_a_column_of_another_type_is_refused(article: Connection, column: str) -> None:
    run(article, f"alter table article add {column}")
    said = refused(
        article,
        "SE011",
        "select sqlembed.create_embedding('article', 'hash', 'title', index => 'none')",
    )
    assert "embedding" in said.splitlines()[0] and said.splitlines()[1]


def test_a_column_without_dimensions_does_but_not_for_an_index(
    article: Connection, shared_url: str
) -> None:
    run(article, "alter table article add embedding vector")
    said = refused(article, "SE011", "select sqlembed.create_embedding('article', 'hash', 'title')")
    assert "alter column" in said
    declare(article, "article", "title")
    embed_all(shared_url)
    assert outdated(article, "article", "title") == []


def test_an_unknown_embedder_needs_a_column_of_known_dimensions(
    article: Connection, shared_url: str
) -> None:
    said = refused(article, "SE001", "select sqlembed.create_embedding('article', 'new', 'title')")
    assert "hash" in said
    run(article, "alter table article add embedding vector(8)")
    declare(article, "article", "title", embedder="new")
    assert rows(
        article, "select dimensions, fingerprint from sqlembed.embedder where name = 'new'"
    ) == [(8, None)]
    assert "unserved" in scalar(article, "select last_error from sqlembed.status")
    embed_all(shared_url, hash_registry("new"))
    assert rows(article, "select pending, last_error from sqlembed.status") == [(0, None)]


def test_two_embeddings_on_one_table(article: Connection, shared_url: str) -> None:
    declare(article, "article", "title", embedding="short")
    declare(article, "article", "body", embedding="long", on_change="keep")
    run(article, "update article set title = 'changed' where id = 1")
    run(article, "update article set body = 'changed too' where id = 2")
    assert rows(article, "select count(*) from sqlembed.change group by embedding") == [(3,), (3,)]
    embed_all(shared_url)
    assert outdated(article, "article", "title", "short") == []
    assert outdated(article, "article", "body", "long") == []
    said = refused(article, "SE013", "select sqlembed.refresh_embedding('article')")
    assert "long, short" in said
    run(article, "select sqlembed.drop_embedding('article', 'short')")
    run(article, "update article set title = 'again', body = 'again'")
    assert {key[0] for key in changes(article)} == {1, 2}
    assert scalar(article, "select count(short) from article") == 2


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        ("timing => 'later'", "timing"),
        ("on_change => 'forget'", "on_change"),
        ("metric => 'hamming'", "metric"),
        ("storage => 'bit'", "storage"),
        ("index => 'btree'", "index"),
        ("place => 'elsewhere'", "place"),
        ("adopt => 'maybe'", "adopt"),
        ("timing => null", "timing"),
        ("""chunking => '{"size": 100}'""", "chunking"),
    ],
)
def test_unknown_choices(article: Connection, arguments: str, wrong: str) -> None:
    said = refused(
        article,
        "SE014",
        f"select sqlembed.create_embedding('article', 'hash', 'title', {arguments})",
    )
    assert wrong in said.splitlines()[0] and said.splitlines()[1]


def test_declaring_twice(article: Connection) -> None:
    declare(article, "article", "title || ' ' || body")
    assert len(changes(article)) == 2
    assert "drop_embedding" in refused(
        article, "SE011", "select sqlembed.create_embedding('article', 'hash', 'title')"
    )
    # Otherwise written, it is the same expression.
    assert declare(article, "article", "(article.title||' ') || body", if_not_exists=True) == 0
    assert "drop_embedding" in refused(
        article,
        "SE011",
        "select sqlembed.create_embedding('article', 'hash', 'body', index => 'none',"
        " if_not_exists => true)",
    )
    assert changes(article) == []
    assert scalar(article, "select count(*) from sqlembed.embedding") == 1


@pytest.mark.parametrize("keep", [True, False])
def test_drop_embedding(article: Connection, shared_url: str, keep: bool) -> None:
    declare(article, "article", "title", index="hnsw")
    embed_all(shared_url)
    run(article, "update article set title = 'changed'")
    run(article, "select sqlembed.drop_embedding('article', keep_column => %s)", keep)
    assert rows(article, TRIGGERS) == []
    assert rows(article, "select indexname from pg_indexes where indexdef like '%%hnsw%%'") == []
    for table in ("embedding", "status"):
        assert rows(article, f"select * from sqlembed.{table}") == []
    assert rows(article, "select proname from pg_proc where proname ~ '^_note_[0-9]'") == []
    columns = (
        "select count(*) from pg_attribute"
        " where attrelid = 'article'::regclass and attname = 'embedding'"
    )
    assert scalar(article, columns) == int(keep)
    run(article, "insert into article values (3, 'three')")
    embed_all(shared_url)
    assert rows(article, "select * from sqlembed._queued") == []
    declare(article, "article", "title")
    embed_all(shared_url)
    assert outdated(article, "article", "title") == []


def test_refresh_embedding(article: Connection, shared_url: str) -> None:
    declare(article, "article", "title")
    embed_all(shared_url)
    assert scalar(article, "select sqlembed.refresh_embedding('article')") == 2
    assert changes(article) == [[1], [2]]
    # Its vectors stay meanwhile.
    assert scalar(article, "select count(embedding) from article") == 2
    filtered = "select sqlembed.refresh_embedding('article', filter => %s)"
    assert scalar(article, filtered, "year > 2001 -- the newer ones") == 1
    assert changes(article) == [[2]]
    for wrong in ("nonsense", "year >", "1 / 0 = 1", "year", "true) returning (1"):
        assert "condition" in refused(article, "SE015", filtered, wrong)
    assert "has no embedding other" in refused(
        article, "SE013", "select sqlembed.refresh_embedding('article', 'other')"
    )
    run(article, "create table bare (id int primary key)")
    assert "create_embedding" in refused(
        article, "SE013", "select sqlembed.refresh_embedding('bare')"
    )
