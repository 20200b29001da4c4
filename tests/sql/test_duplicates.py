"""``duplicates`` and ``duplicate_pairs``: all that are alike, and nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.sql.searching import literal, unit_vectors
from tests.writing import Connection, declare, refused, rows, run, scalar


def similar_vectors(count: int, dimensions: int = 8, seed: int = 0) -> NDArray[np.float32]:
    """Return random vectors, half of them copies of others with a little noise."""
    random = np.random.default_rng(seed)
    half = random.standard_normal((count // 2, dimensions))
    noise = random.standard_normal(half.shape) * random.uniform(0, 0.4, (count // 2, 1))
    both = np.concatenate([half, half + noise]) * random.uniform(0.5, 2, (2 * (count // 2), 1))
    return both.astype(np.float32)


def make_items(
    connection: Connection, vectors: NDArray[Any], kind: str = "vector", index: bool = False
) -> None:
    run(connection, "drop table if exists item")
    run(
        connection,
        f"create table item (id int primary key, nth int, embedding {kind}({vectors.shape[1]}))",
    )
    with connection.cursor().copy("copy item from stdin") as copy:
        for number, vector in enumerate(vectors):
            copy.write_row((number, number % 3, literal(vector)))
    if index:
        run(connection, f"create index on item using hnsw (embedding {kind}_cosine_ops)")
    run(connection, "analyze item")


def brute_force(vectors: NDArray[Any], threshold: float) -> set[tuple[int, int]]:
    unit = vectors.astype(np.float64)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    near = np.triu(unit @ unit.T >= threshold - 1e-6, 1)
    return {(int(a), int(b)) for a, b in np.argwhere(near)}


def pairs(connection: Connection, *arguments: object, **named: object) -> set[tuple[int, int]]:
    marks = ["%s"] * len(arguments) + [f"{name} => %s" for name in named]
    found = rows(
        connection,
        f"select key_a, key_b from sqlembed.duplicate_pairs('item', {', '.join(marks)})",
        *arguments,
        *named.values(),
    )
    assert len(found) == len({(a, b) for (a,), (b,) in found})
    return {(a, b) for (a,), (b,) in found}


def groups(connection: Connection, *arguments: object, **named: object) -> list[list[Any]]:
    """Return the groups, the representative of each first."""
    marks = ["%s"] * len(arguments) + [f"{name} => %s" for name in named]
    found: dict[int, list[Any]] = {}
    for number, key, is_first, size in rows(
        connection,
        "select group_id, key, is_representative, group_size"
        f" from sqlembed.duplicates({', '.join(marks)})",
        *arguments,
        *named.values(),
    ):
        members = found.setdefault(number, [])
        assert is_first == (not members)
        members.append(tuple(key))
        assert len(members) <= size
    assert list(found) == list(range(1, len(found) + 1))
    return list(found.values())


@pytest.mark.parametrize("kind", ["vector", "halfvec"])
@pytest.mark.parametrize("threshold", [0.9, 0.98, 1])
def test_exact_finds_every_pair(shared: Connection, kind: str, threshold: float) -> None:
    vectors = similar_vectors(300)
    vectors[7] = vectors[20] = vectors[5] * 2
    if kind == "halfvec":
        vectors = vectors.astype(np.float16).astype(np.float32)
    make_items(shared, vectors, kind)

    assert pairs(shared, threshold) == brute_force(vectors, threshold)


def test_similarity_is_the_cosine(shared: Connection) -> None:
    vectors = similar_vectors(100)
    make_items(shared, vectors)

    found = rows(
        shared,
        "select p.similarity, 1 - (a.embedding <=> b.embedding)"
        " from sqlembed.duplicate_pairs('item', 0.9) as p"
        " join item as a on a.id = (p.key_a ->> 0)::int"
        " join item as b on b.id = (p.key_b ->> 0)::int",
    )

    assert len(found) > 10
    assert [row[0] for row in found] == pytest.approx([row[1] for row in found], abs=1e-6)
    assert [row[0] for row in found] == sorted((row[0] for row in found), reverse=True)


def test_groups_are_connected_components(shared: Connection) -> None:
    angles = np.radians([0, 10, 20, 90, 95, 200, 300, 300])
    make_items(shared, np.stack([np.cos(angles), np.sin(angles)], axis=1))

    # 0 and 2 are too far apart, but both near to 1, which is in the middle.
    assert groups(shared, "item", 0.98) == [[(1,), (0,), (2,)], [(3,), (4,)], [(6,), (7,)]]
    found = rows(shared, "select similarity from sqlembed.duplicates('item', 0.98)")
    near = np.cos(np.radians([0, 10, 10, 0, 5, 0, 0]))
    assert [row[0] for row in found] == pytest.approx(near, abs=1e-6)


def test_an_index_finds_them_in_a_large_table(shared: Connection) -> None:
    vectors = similar_vectors(5200, 8)
    # More of a kind than one look into the index gives; and copies, of which one is enough.
    vectors[100:150] = vectors[100] + unit_vectors(50, 8) * 0.05
    vectors[200:260] = vectors[200]
    make_items(shared, vectors, index=True)
    wanted = brute_force(vectors, 0.98)

    found = pairs(shared, 0.98)

    assert found <= wanted
    assert len(found) >= 0.99 * len(wanted)
    members = {frozenset(group) for group in groups(shared, "item", 0.98)}
    exact = {frozenset(group) for group in groups(shared, "item", 0.98, mode="exact")}
    assert len(members & exact) >= 0.98 * len(exact)
    assert max(members, key=len) == max(exact, key=len)
    assert scalar(shared, "show hnsw.ef_search") == "40"


def test_only_rows_that_agree_are_compared(shared: Connection) -> None:
    vectors = similar_vectors(300)
    make_items(shared, vectors)
    run(shared, "update item set nth = null where id = 4 or id = 154")
    wanted = {
        (a, b) for a, b in brute_force(vectors, 0.9) if a % 3 == b % 3 and not {4, 154} & {a, b}
    }

    assert pairs(shared, 0.9, within="nth") == wanted
    assert pairs(shared, 0.9, within="nth -- by group") == wanted
    some = {(a, b) for a, b in wanted if b < 200}
    assert pairs(shared, 0.9, within="nth", filter="item.id < 200") == some


def test_an_index_looks_among_those_that_agree(shared: Connection) -> None:
    vectors = similar_vectors(5400, 8)
    make_items(shared, vectors, index=True)
    run(shared, "update item set nth = id % 2 where id >= 100")

    found = pairs(shared, 0.99, within="nth % 2", filter="id >= 100")

    wanted = {(a, b) for a, b in brute_force(vectors, 0.99) if a >= 100 and a % 2 == b % 2}
    assert found <= wanted
    assert len(found) >= 0.98 * len(wanted) > 500


def test_rows_without_a_direction_are_nobodys_duplicates(shared: Connection) -> None:
    run(shared, "create table item (id int primary key, embedding vector(2))")
    run(shared, "insert into item values (1, '[0,0]'), (2, '[0,0]'), (3, null), (4, null)")
    assert groups(shared, "item") == []
    run(shared, "insert into item values (5, '[3,4]'), (6, '[6,8]')")
    assert groups(shared, "item") == [[(5,), (6,)]]
    run(shared, "truncate item")
    assert groups(shared, "item") == []


@pytest.mark.parametrize("name", ["a", "r", "sqlembed_row", 'It\'s "a" 50% $1\\'])
def test_names_and_keys_of_all_sorts(shared: Connection, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    run(
        shared,
        f"create table {quoted} (key text, b date, raw int, {quoted} vector(2),"
        f" primary key (b, key))",
    )
    run(
        shared,
        f"insert into {quoted} values"
        " ('x', '2020-01-02', 1, '[1,1]'), ('O''Neil \"x\"', '2020-01-01', 1, '[1,1]'),"
        " ('y', '2020-01-02', 2, '[1,0]')",
    )
    wanted = [[("2020-01-01", 'O\'Neil "x"'), ("2020-01-02", "x")]]

    assert groups(shared, quoted) == wanted
    assert groups(shared, quoted, filter=f"{quoted}.raw = 1", within="raw") == wanted
    assert groups(shared, quoted, filter="raw = 2") == []


def test_vectors_beside_their_rows_count_while_they_are_current(shared: Connection) -> None:
    run(shared, "create table article (id int primary key, title text)")
    declare(shared, "article", "title", place="side")
    run(shared, "insert into article select n, 'title ' || n from generate_series(1, 5) as n")
    run(
        shared,
        "insert into article_embedding select a.id, article_embedding_hash(a),"
        " case when id < 5 then '[1,2,3,4,5,6,7,8]' else '[1,0,0,0,0,0,0,0]' end::vector"
        " from article as a",
    )
    run(shared, "update article set title = 'newer' where id = 2")

    assert groups(shared, "article") == [[(1,), (3,), (4,)]]
    assert groups(shared, "article", filter="title <> 'title 3'") == [[(1,), (4,)]]


def test_chunks_have_their_own_table(shared: Connection) -> None:
    run(shared, "create table book (id int primary key, body text)")
    declare(shared, "book", "body", place="side", chunking='{"characters": 100}')
    run(
        shared,
        "insert into book_embedding (id, ordinal, span, chunk, chunk_hash, source_hash, embedding)"
        " select 1, n, '[1,2)', 'x', '', '', '[1,2,3,4,5,6,7,8]' from generate_series(1, 3) as n",
    )

    message = refused(shared, "SE013", "select * from sqlembed.duplicates('book')")

    assert "a vector for each chunk" in message and "book_embedding'" in message
    assert groups(shared, "book_embedding") == [[(1, 1), (1, 2), (1, 3)]]


def test_duplicates_can_be_deleted(shared: Connection) -> None:
    make_items(shared, np.repeat(similar_vectors(20, 4), 3, axis=0))

    run(
        shared,
        "delete from item where id in (select (key ->> 0)::int"
        " from sqlembed.duplicates('item') where not is_representative)",
    )

    assert groups(shared, "item") == []
    assert scalar(shared, "select count(*) from item") <= 20


@pytest.mark.parametrize(
    ("arguments", "state", "message"),
    [
        ("'item', 0", "SE014", "threshold => 0 is not above 0"),
        ("'item', 1.1", "SE014", "threshold"),
        ("'item', 'NaN'", "SE014", "threshold"),
        ("'item', null", "SE014", "threshold => NULL"),
        ("'item', mode => 'hybrid'", "SE014", "mode"),
        ("'item', filter => ' '", "SE015", "the filter is empty"),
        ("'item', filter => 'nobody = 1'", "SE015", "nobody"),
        ("'item', within => 'nobody'", "SE015", "nobody"),
        ("'item', embedding => 'nobody'", "SE013", "nobody"),
        ("null", "SE014", "there is no table"),
        ("'keyless'", "SE010", "no primary key"),
        ("'mixed'", "SE014", "different dimensions"),
    ],
)
def test_what_cannot_be(shared: Connection, arguments: str, state: str, message: str) -> None:
    make_items(shared, similar_vectors(10))
    run(shared, "create table keyless (embedding vector)")
    run(shared, "create table mixed (id int primary key, embedding vector)")
    run(shared, "insert into mixed values (1, '[1,2]'), (2, '[1,2,3]')")

    assert message in refused(shared, state, f"select * from sqlembed.duplicates({arguments})")
