"""The cache: which vectors are kept, for how long, and who may forget them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import psycopg
import pytest

from sqlembed.worker import cache
from tests.fix_worker import StartWorker
from tests.integration.working import WAIT, Noting, article, fill, other
from tests.writing import (
    HASH,
    Connection,
    embed_all,
    function_registry,
    outdated,
    refused,
    register,
    rows,
    run,
    scalar,
)

__all__ = ["article", "other"]

COUNT = "select count(*) from sqlembed.cache"
KEEP = """
insert into sqlembed.cache (fingerprint, kind, input_hash, embedding, used_at)
select %s, 'document', sha256(i::text::bytea), '[1,2,3,4,5,6,7,8]', now() - i * interval '1 min'
from generate_series(1, %s) as i
"""


def slow(texts: Sequence[str]) -> Any:
    time.sleep(0.01 * len(texts))
    return HASH.embed(texts)


def test_rows_leave_vectors_that_were_dear(article: Connection, url: str) -> None:
    fill(article, 20)
    embed_all(url, function_registry(slow))
    assert scalar(article, COUNT) == 20
    noting = Noting()
    run(article, "truncate article")
    fill(article, 20)
    embed_all(url, function_registry(noting))
    assert noting.texts == []
    assert outdated(article, "article", "title") == []


def test_rows_leave_no_vectors_that_were_cheap(
    article: Connection, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However slow this machine is."""
    monkeypatch.setattr(cache, "WORTH", 1e9)
    fill(article, 20)
    embed_all(url, function_registry(slow))
    assert scalar(article, COUNT) == 0
    # But those that have come twice will come again.
    run(article, "insert into article select 100 + i, 'twice' from generate_series(1, 2) as i")
    embed_all(url, function_registry(slow, batch_size=100))
    assert scalar(article, COUNT) <= 1


def test_what_rows_have_left_goes_before_what_sql_asked_for(
    article: Connection, start_worker: StartWorker
) -> None:
    start_worker(function_registry(slow))
    run(article, "select sqlembed.embed('hash', 'asked')")
    fill(article, 5)
    run(article, WAIT)
    deadline = time.monotonic() + 10
    while scalar(article, COUNT) < 6:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    left = scalar(article, "select sum(bytes) / sum(vectors) from sqlembed.cache_use")
    run(article, "select sqlembed._trim_cache(%s)", 2 * int(left))
    assert rows(article, "select input_hash = sha256('asked') from sqlembed.cache") == [(True,)]


def test_the_oldest_go_until_the_rest_fits(connection: Connection) -> None:
    run(connection, KEEP, "some model", 1000)
    ((vectors, held),) = rows(connection, "select vectors, bytes from sqlembed.cache_use")
    assert vectors == 1000
    # Neither more nor less than the table really holds, by and large.
    ((stored,),) = rows(connection, "select sum(pg_column_size(c.*)) from sqlembed.cache as c")
    assert 0.7 < held / stored < 1.5
    assert scalar(connection, "select sqlembed._trim_cache(%s)", held) == 0
    assert scalar(connection, "select sqlembed._trim_cache(%s)", held // 2) == 525
    assert scalar(
        connection, "select min(used_at) > now() - interval '480 min' from sqlembed.cache"
    )
    assert scalar(connection, "select sqlembed._trim_cache(%s)", held // 2) == 0
    run(connection, "select sqlembed._sweep(0)")
    assert scalar(connection, COUNT) == 0


def test_a_cache_that_somebody_uses_is_trimmed_all_the_same(
    connection: Connection, url: str
) -> None:
    run(connection, KEEP, "some model", 10)
    with psycopg.connect(url) as using:
        run(using, "select from sqlembed.cache order by used_at limit 1 for share")
        assert scalar(connection, "select sqlembed._trim_cache(0)") == 9
        using.rollback()


def test_reading_is_noted_by_the_hour(connection: Connection) -> None:
    run(connection, KEEP, "some model", 120)
    read = "select count(*) from sqlembed._read_cache('some model', 'document', %s)"
    hashes = [row[0] for row in rows(connection, "select input_hash from sqlembed.cache")]
    old = "select count(*) from sqlembed.cache where used_at < now() - interval '1 h'"
    versions = "select array_agg(xmin::text order by input_hash) from sqlembed.cache"
    assert scalar(connection, old) == 61
    assert scalar(connection, read, hashes) == 120
    assert scalar(connection, old) == 0
    before = scalar(connection, versions)
    assert scalar(connection, read, hashes) == 120
    assert scalar(connection, versions) == before


def test_reading_waits_for_nobody(connection: Connection, url: str) -> None:
    run(connection, KEEP, "some model", 120)
    with psycopg.connect(url) as using:
        run(using, "update sqlembed.cache set used_at = used_at")
        run(connection, "set statement_timeout = '3s'")
        read = "select count(*) from sqlembed._read_cache('some model', 'document', %s)"
        hashes = [row[0] for row in rows(connection, "select input_hash from sqlembed.cache")]
        assert scalar(connection, read, hashes) == 120
        using.rollback()


def test_clearing(connection: Connection) -> None:
    register(connection, "mine", "yours")
    run(connection, "update sqlembed.embedder set fingerprint = name")
    for fingerprint, count in (("mine", 3), ("yours", 4), ("gone", 5)):
        run(connection, KEEP, fingerprint, count)
    assert rows(
        connection, "select embedder, fingerprint, vectors from sqlembed.cache_use order by 2"
    ) == [(None, "gone", 5), ("mine", "mine", 3), ("yours", "yours", 4)]
    assert "unknown embedder 'nobody'" in refused(
        connection, "SE001", "select sqlembed.clear_cache('nobody')"
    )
    assert scalar(connection, "select sqlembed.clear_cache(embedder => 'mine')") == 3
    assert scalar(connection, "select sqlembed.clear_cache()") == 9
    assert scalar(connection, "select sqlembed.clear_cache()") == 0


def test_the_cache_is_its_owner_s(connection: Connection, role: str) -> None:
    """Whether a text is in it tells what somebody else has embedded."""
    run(connection, f"set role {role}")
    for statement in (
        "select * from sqlembed.cache_use",
        "select sqlembed.clear_cache()",
        "select sqlembed._read_cache('x', 'document', '{}')",
    ):
        assert "permission denied" in refused(connection, "42501", statement)
