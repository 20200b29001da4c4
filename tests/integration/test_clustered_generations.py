"""Columns of clusters while the vectors that they go by are exchanged, made anew or dropped."""

from __future__ import annotations

import pytest

from sqlembed.embedders import HashEmbedder, Registry
from tests.writing import Connection, declare, embed_all, refused, rows, run, scalar

NEAREST = "select id, cluster, sqlembed.predict('topics', embedding) from article order by id"
EMBEDDING = "select embedding from sqlembed.clustering_status"
ASSIGNED = "select count(*) = 20 and count(cluster) = count({0}) from article"


def two(dimensions: int) -> Registry:
    """Return a registry of the embedder in use and the next one."""
    registry = Registry()
    registry.add(HashEmbedder("hash", 8))
    registry.add(HashEmbedder("other", dimensions, version="2"))
    return registry


@pytest.mark.parametrize("dimensions", [8, 12])
def test_clusters_follow_a_switch(connection: Connection, url: str, dimensions: int) -> None:
    """By the vectors of before until the refit, which goes by those of now."""
    registry = two(dimensions)
    run(connection, "create table article (id int primary key, title text)")
    run(connection, "insert into article select i, 'text ' || i from generate_series(1, 19) as i")
    embed_all(url, registry)
    declare(connection, "article", "title")
    embed_all(url, registry)
    run(connection, "select sqlembed.create_clustering('article', 'topics', num_clusters => 3)")
    before = rows(connection, "select id, cluster from article order by id")

    run(connection, "select sqlembed.create_generation('article', 'other')")
    embed_all(url, registry)
    run(connection, "select sqlembed.switch_generation('article')")
    run(connection, "insert into article values (20, 'text 20')")
    embed_all(url, registry)
    assert rows(connection, EMBEDDING) == [("embedding_previous",)]
    assert rows(connection, "select id, cluster from article order by id")[:19] == before
    assert scalar(connection, ASSIGNED.format("embedding_previous"))
    said = refused(connection, "SE021", "select sqlembed.drop_generation('article')")
    assert "topics" in said

    run(connection, "select sqlembed.refit_clustering('topics')")
    assert rows(connection, EMBEDDING) == [("embedding",)]
    run(connection, "select sqlembed.drop_generation('article')")
    run(connection, "update article set title = 'another ' || id where id < 5")
    embed_all(url, registry)
    assert scalar(connection, ASSIGNED.format("embedding"))
    found = rows(connection, NEAREST)
    assert [cluster for _, cluster, _ in found] == [nearest for _, _, nearest in found]
    # Clusters of vectors that cannot be compared are others.
    assert {cluster for _, cluster, _ in found} <= {4, 5, 6}


def test_vectors_that_clusters_go_by_do_not_go(connection: Connection, url: str) -> None:
    run(connection, "create table article (id int primary key, title text)")
    run(connection, "insert into article select i, 'text ' || i from generate_series(1, 9) as i")
    embed_all(url, two(12))
    declare(connection, "article", "title")
    declare(connection, "article", "title", embedding="beside", place="side")
    embed_all(url, two(12))
    for relation, name in (("article", "topics"), ("article_beside", "aside")):
        run(connection, "select sqlembed.create_clustering(%s::regclass, %s)", relation, name)
    drop = "select sqlembed.drop_embedding('article', '{}', keep_column => {})"
    for statement, name in (
        (drop.format("embedding", "false"), "topics"),
        (drop.format("beside", "false"), "aside"),
        ("select sqlembed.alter_embedding('article', 'embedding', storage => 'halfvec')", "topics"),
    ):
        assert f"clusters of '{name}'" in refused(connection, "SE021", statement)
    run(connection, drop.format("embedding", "true"))
    run(connection, "select sqlembed.drop_clustering('aside')")
    run(connection, drop.format("beside", "false"))
    assert scalar(connection, "select count(cluster) from article") == 9
