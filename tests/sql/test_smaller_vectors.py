"""storage and index of create_embedding: what is chosen, what is built, what is refused."""

from __future__ import annotations

import pytest

from sqlembed.embedders import HashEmbedder, Registry
from tests.writing import (
    Connection,
    declare,
    embed_all,
    outdated,
    refused,
    register,
    rows,
    run,
    scalar,
)

TYPE = """
select format_type(atttypid, atttypmod) from pg_attribute
where attrelid = %s::regclass and attname = 'embedding'
"""
INDEXES = "select indexdef from pg_indexes where indexdef like '%%hnsw%%' and tablename = %s"


@pytest.fixture
def article(shared: Connection) -> Connection:
    """A connection to a database with two articles and the embedder ``hash``."""
    run(shared, "create table article (id bigint primary key, title text)")
    run(shared, "insert into article values (1, 'one'), (2, 'two')")
    return shared


def index_of(connection: Connection, table: str = "article") -> str:
    return str(scalar(connection, INDEXES, table)).split(" USING ")[1]


@pytest.mark.parametrize(
    ("dimensions", "chosen"), [(2000, "vector"), (2001, "halfvec"), (4000, "halfvec")]
)
@pytest.mark.parametrize("place", ["row", "side"])
def test_long_vectors_are_stored_in_halves(
    article: Connection, dimensions: int, chosen: str, place: str
) -> None:
    register(article, "wide", dimensions=dimensions)
    declare(article, "article", "title", embedder="wide", index="hnsw", place=place)
    holder = "article" if place == "row" else "article_embedding"
    assert scalar(article, TYPE, holder) == f"{chosen}({dimensions})"
    assert scalar(article, "select storage from sqlembed.embedding") == chosen
    assert f"{chosen}_cosine_ops" in index_of(article, holder)


def test_long_vectors_are_written_and_found(article: Connection, shared_url: str) -> None:
    registry = Registry()
    registry.add(HashEmbedder("wide", 2500))
    register(article, "wide", dimensions=2500)
    declare(article, "article", "title", embedder="wide", index="hnsw")
    embed_all(shared_url, registry)
    query = HashEmbedder("wide", 2500).embed(["two"])[0].tolist()
    found = rows(
        article,
        "select (base).id, distance from sqlembed.vector_search(null::article, %s::real[]::vector)",
        query,
    )
    assert [key for key, _ in found] == [2, 1]
    assert found[0][1] == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("storage", ["vector", "halfvec"])
def test_a_column_says_its_storage(article: Connection, shared_url: str, storage: str) -> None:
    run(article, f"alter table article add embedding {storage}(8)")
    assert declare(article, "article", "title", index="hnsw") == 2
    assert scalar(article, "select storage from sqlembed.embedding") == storage
    assert f"{storage}_cosine_ops" in index_of(article)
    # Said or not, it is the same.
    for said in (None, storage):
        assert (
            declare(article, "article", "title", index="hnsw", storage=said, if_not_exists=True)
            == 0
        )
    embed_all(shared_url)
    assert outdated(article, "article", "title", "embedding::vector") == []


@pytest.mark.parametrize(("storage", "given"), [("vector", "halfvec"), ("halfvec", "vector")])
def test_a_column_that_is_not_as_said(article: Connection, storage: str, given: str) -> None:
    run(article, f"alter table article add embedding {given}(8)")
    said = refused(
        article,
        "SE011",
        "select sqlembed.create_embedding('article', 'hash', 'title', storage => %s)",
        storage,
    )
    assert f"{storage}(8)" in said


@pytest.mark.parametrize(
    ("dimensions", "options", "hints"),
    [
        (3000, "storage => 'vector'", ["Leave storage out", "binary", "prefix", "none"]),
        (4001, "storage => null", ["binary", "prefix", "none"]),
        (4001, "storage => 'halfvec'", ["binary", "prefix", "none"]),
        (
            5000,
            """index => 'prefix', index_options => '{"dimensions": 4500}'""",
            ["Index fewer of the first dimensions"],
        ),
    ],
)
def test_too_many_dimensions_for_an_index(
    article: Connection, dimensions: int, options: str, hints: list[str]
) -> None:
    register(article, "wide", dimensions=dimensions)
    said = refused(
        article, "SE011", f"select sqlembed.create_embedding('article', 'wide', 'title', {options})"
    )
    assert "dimensions at most" in said and str(dimensions) in said
    assert all(hint in said for hint in hints)
    # Nothing was changed.
    assert rows(article, TYPE, "article") == []


def test_too_many_dimensions_in_a_column(article: Connection) -> None:
    register(article, "wide", dimensions=3000)
    run(article, "alter table article add embedding vector(3000)")
    said = refused(article, "SE011", "select sqlembed.create_embedding('article', 'wide', 'title')")
    repair = said.split("\n")[1].split(". Or ")[0]
    assert repair == "alter table work.article alter column embedding type halfvec(3000)"
    run(article, repair)
    declare(article, "article", "title", embedder="wide", index="hnsw")


@pytest.mark.parametrize("index", ["binary", "prefix", "none"])
def test_the_longest_vectors(article: Connection, index: str) -> None:
    register(article, "wide", dimensions=16000)
    options = '{"dimensions": 1024}' if index == "prefix" else None
    declare(article, "article", "title", embedder="wide", index=index, index_options=options)
    assert scalar(article, TYPE, "article") == "halfvec(16000)"


@pytest.mark.parametrize(
    ("options", "built"),
    [
        (
            {"index": "binary"},
            "hnsw (((binary_quantize(embedding))::bit(8)) bit_hamming_ops)",
        ),
        (
            {"index": "binary", "storage": "halfvec", "metric": "l1"},
            "hnsw (((binary_quantize(embedding))::bit(8)) bit_hamming_ops)",
        ),
        (
            {"index": "prefix", "index_options": '{"dimensions": 4}'},
            "hnsw (((subvector(embedding, 1, 4))::vector(4)) vector_cosine_ops)",
        ),
        (
            {
                "index": "prefix",
                "index_options": '{"dimensions": 4}',
                "storage": "halfvec",
                "metric": "euclidean",
            },
            "hnsw (((subvector(embedding, 1, 4))::halfvec(4)) halfvec_l2_ops)",
        ),
        (
            {"index": "hnsw", "index_options": '{"m": 8, "ef_construction": 32}'},
            "hnsw (embedding vector_cosine_ops) WITH (ef_construction='32', m='8')",
        ),
        (
            {"index": "prefix", "index_options": '{"dimensions": 4, "m": 4}'},
            "hnsw (((subvector(embedding, 1, 4))::vector(4)) vector_cosine_ops) WITH (m='4')",
        ),
    ],
)
@pytest.mark.parametrize("place", ["row", "side"])
def test_what_is_built(
    article: Connection, options: dict[str, str], built: str, place: str
) -> None:
    declare(article, "article", "title", place=place, **options)
    holder = "article" if place == "row" else "article_embedding"
    assert index_of(article, holder) == built
    kept = scalar(article, "select index_name from sqlembed.embedding")

    # The same again, and the same taken over.
    assert declare(article, "article", "title", if_not_exists=True, place=place, **options) == 0
    run(article, "select sqlembed.drop_embedding('article')")
    assert rows(article, INDEXES, holder) == []
    run(article, f"create index mine on {holder} using {built}")
    declare(article, "article", "title", place=place, **options)
    assert scalar(article, "select index_name from sqlembed.embedding") is None
    assert index_of(article, holder) == built
    run(article, "select sqlembed.drop_embedding('article')")
    assert index_of(article, holder) == built and kept


@pytest.mark.parametrize(
    ("index", "options"),
    [
        ("hnsw", '{"m": 24}'),
        ("binary", None),
        ("prefix", '{"dimensions": 4}'),
        ("prefix", '{"dimensions": 5}'),
    ],
)
def test_an_index_that_is_not_the_same(
    article: Connection, index: str, options: str | None
) -> None:
    run(article, "alter table article add embedding vector(8)")
    for other in (
        "(embedding vector_cosine_ops) with (m = 20)",
        "((binary_quantize(embedding)::bit(8)) bit_jaccard_ops)",
        "((binary_quantize(embedding)::bit(8)) bit_hamming_ops) where id > 1",
        "((subvector(embedding, 1, 6)::vector(6)) vector_cosine_ops)",
        "((subvector(embedding, 2, 4)::vector(4)) vector_cosine_ops)",
        "((subvector(embedding, 1, 4)::vector(4)) vector_l2_ops)",
    ):
        run(article, f"create index on article using hnsw {other}")
    declare(article, "article", "title", index=index, index_options=options)
    made = scalar(article, "select index_name from sqlembed.embedding")
    assert made is not None and len(rows(article, INDEXES, "article")) == 7
    # Otherwise declared, it is not the same embedding.
    said = refused(
        article,
        "SE011",
        "select sqlembed.create_embedding('article', 'hash', 'title', index => %s,"
        """ index_options => '{"m": 7, "dimensions": 4}'::jsonb - %s, if_not_exists => true)""",
        index,
        "" if index == "prefix" else "dimensions",
    )
    assert "drop_embedding" in said


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        ("index => 'ivfflat'", "available"),
        ("index => null", "index => NULL"),
        ("index => 'prefix'", "dimensions"),
        ("index => 'prefix:4'", "prefix:4"),
        ("""index => 'prefix', index_options => '{"dimensions": 0}'""", "from 1 to"),
        ("""index => 'prefix', index_options => '{"dimensions": 8}'""", "first 8 dimensions"),
        ("""index => 'prefix', index_options => '{"dimensions": 4.5}'""", "not 4.5"),
        ("""index => 'prefix', index_options => '{"dimensions": "4"}'""", 'not "4"'),
        ("""index => 'prefix', index_options => '{"dimensions": null}'""", "not null"),
        ("""index_options => '{"m": 1}'""", "from 2 to 100"),
        ("""index_options => '{"m": 1000000000000000}'""", "from 2 to 100"),
        ("""index_options => '{"m": 40}'""", "twice m"),
        ("""index_options => '{"ef_construction": 5000}'""", "from 4 to 1000"),
        ("""index_options => '{"dimensions": 4}'""", "no option 'dimensions'"),
        ("""index_options => '{"lists'' %": 4}'""", "lists"),
        ("""index => 'none', index_options => '{"m": 4}'""", "no option 'm'"),
        ("index_options => '[1]'", "not an object"),
        ("index_options => 'null'", "not an object"),
    ],
)
def test_indexes_that_cannot_be(article: Connection, arguments: str, wrong: str) -> None:
    said = refused(
        article,
        "SE014",
        f"select sqlembed.create_embedding('article', 'hash', 'title', {arguments})",
    )
    assert wrong in said.splitlines()[0] and said.splitlines()[1]
    assert rows(article, TYPE, "article") == []


def test_names_that_need_quotes(article: Connection) -> None:
    run(article, 'create table "T %é\'" (id int primary key, title text)')
    for number, options in enumerate(
        ({"index": "binary"}, {"index": "prefix", "index_options": '{"dimensions": 4}'})
    ):
        declare(article, '"T %é\'"', "title", embedding=f"V \"%I ' é{number}", **options)
    assert len(rows(article, INDEXES, "T %é'")) == 2
