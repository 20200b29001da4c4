"""What writers leave behind: the keys of rows whose text changed, and nothing else."""

from __future__ import annotations

import psycopg
import pytest

from tests.sql.changing import SOURCE, article, embedded
from tests.writing import (
    Connection,
    changes,
    declare,
    embed_all,
    fold,
    outdated,
    rows,
    run,
    scalar,
)

__all__ = ["article", "embedded"]

GIVEN = "[1,1,1,1,1,1,1,1]"


def vectors(connection: Connection) -> int:
    return int(scalar(connection, "select count(embedding) from article"))


def on_change(connection: Connection) -> str:
    return str(scalar(connection, "select on_change from sqlembed.embedding"))


def test_inserts_of_all_kinds(embedded: Connection) -> None:
    run(embedded, "insert into article values (11, 'one', 'x')")
    run(embedded, "insert into article values (12, 'two', 'x'), (13, null, null)")
    run(embedded, "insert into article select i, 'many', 'x' from generate_series(14, 15) as i")
    with embedded.cursor().copy("copy article (id, title) from stdin") as copy:
        copy.write("16\tcopied\n17\tcopied\n")
    run(
        embedded,
        "with new as (insert into article values (18, 'cte', 'x') returning id) select * from new",
    )
    run(embedded, "insert into article select 1 where false")
    assert changes(embedded) == [[key] for key in range(11, 19)]


def test_updates_of_other_columns_leave_nothing(embedded: Connection) -> None:
    run(embedded, "update article set views = views + 1")
    run(embedded, "update article set title = title, body = body || ''")
    run(embedded, "update article set title = 'new' where false")
    run(
        embedded,
        "insert into article values (1, 'a', 'y') on conflict (id) do update set views = 7",
    )
    run(embedded, "insert into article values (1, 'a', 'y') on conflict (id) do nothing")
    assert changes(embedded) == []
    assert vectors(embedded) == 3


def test_updates_of_the_text(embedded: Connection, shared_url: str) -> None:
    run(embedded, "update article set title = 'new' where id <= 2")
    assert vectors(embedded) == (1 if on_change(embedded) == "hide" else 3)
    assert changes(embedded) == [[1], [2]]
    run(embedded, "select sqlembed.refresh_embedding('article')")
    embed_all(shared_url)
    assert outdated(embedded, "article", SOURCE) == []


def test_a_hidden_row_changed_again_is_noted_again(embedded: Connection) -> None:
    """Whoever embeds the first text meanwhile must not be the last."""
    run(embedded, "update article set title = 'new' where id = 1")
    run(embedded, "update article set title = 'newer' where id = 1")
    run(embedded, "update article set views = 1 where id = 1")
    assert changes(embedded) == [[1], [1]]


def test_the_value_of_the_expression_counts(article: Connection, shared_url: str) -> None:
    declare(article, "article", "lower(title)")
    run(article, "insert into article values (1, 'a')")
    embed_all(shared_url)
    run(article, "update article set title = 'A'")
    assert (changes(article), vectors(article)) == ([], 1)


def test_upsert(embedded: Connection) -> None:
    run(
        embedded,
        "insert into article values (1, 'new', 'x'), (2, 'b', 'x'), (4, 'd', 'x')"
        " on conflict (id) do update set title = excluded.title, body = excluded.body",
    )
    assert sorted(changes(embedded)) == [[1], [4]]


def test_merge(embedded: Connection) -> None:
    run(
        embedded,
        """
        merge into article as a
        using (values (1, 'new'), (2, 'b'), (3, null), (4, 'd')) as v (id, title)
        on a.id = v.id
        when matched and v.title is null then delete
        when matched then update set title = v.title
        when not matched then insert values (v.id, v.title, 'x')
        """,
    )
    assert sorted(changes(embedded)) == [[1], [4]]


def test_a_writable_cte_that_does_several_things(embedded: Connection) -> None:
    run(
        embedded,
        """
        with changed as (update article set title = 'new' where id = 1 returning id),
        added as (insert into article select id + 10, 'copy', 'x' from changed)
        delete from article where id = 3
        """,
    )
    assert sorted(changes(embedded)) == [[1], [11]]


def test_deletes_leave_nothing_and_pending_rows_may_go(
    embedded: Connection, shared_url: str
) -> None:
    run(embedded, "update article set title = 'new' where id = 1")
    run(embedded, "delete from article where id <= 2")
    assert scalar(embedded, "select count(*) from sqlembed.change") == 1
    embed_all(shared_url)
    assert scalar(embedded, "select pending from sqlembed.status") == 0
    run(embedded, "update article set title = 'new'")
    run(embedded, "truncate article")
    embed_all(shared_url)
    assert rows(embedded, "select pending, failed, total from sqlembed.status") == [(0, 0, 0)]


def test_a_row_takes_its_vector_to_another_key(embedded: Connection) -> None:
    run(embedded, "update article set id = id + 100")
    assert changes(embedded) == []
    run(embedded, "update article set id = id + 100, title = 'new' where id = 101")
    assert changes(embedded) == [[201]]
    if on_change(embedded) == "hide":
        return
    # Its old vector stays, and goes with it.
    run(embedded, "update article set title = 'waiting' where id = 102")
    run(embedded, "update article set id = 202 where id = 102")
    assert changes(embedded) == [[102], [202]]


def test_a_waiting_row_is_embedded_under_its_new_key(embedded: Connection, shared_url: str) -> None:
    run(embedded, "update article set title = 'new ' || id")
    run(embedded, "update article set id = id + 100 where id = 1")
    fold(embedded)
    run(embedded, "update article set id = id + 100 where id = 2")
    embed_all(shared_url)
    assert outdated(embedded, "article", SOURCE) == []


def test_a_row_that_was_given_up_is_tried_again_under_its_new_key(embedded: Connection) -> None:
    run(embedded, "update article set title = 'poison' where id = 1")
    assert changes(embedded) == [[1]]
    run(
        embedded,
        "insert into sqlembed.failed_job (embedding, key, attempts, error)"
        " select id, '[1]', 5, 'no' from sqlembed.embedding",
    )
    run(embedded, "update article set id = 101 where id = 1")
    assert changes(embedded) == [[101]]


def test_rows_of_one_text_change_their_keys_while_one_waits(
    embedded: Connection, shared_url: str
) -> None:
    run(
        embedded,
        "alter table article drop constraint article_pkey, add primary key (id) deferrable",
    )
    run(embedded, "update article set title = 'same', body = '' where id = 2")
    embed_all(shared_url)
    run(embedded, "update article set title = 'same', body = '' where id = 1")
    fold(embedded)
    run(embedded, "update article set id = 3 - id where id <= 2")
    embed_all(shared_url)
    assert outdated(embedded, "article", SOURCE) == []


def test_a_client_s_own_vector_is_kept(embedded: Connection) -> None:
    run(embedded, f"insert into article values (4, 'd', 'x', 0, '{GIVEN}')")
    run(embedded, f"update article set title = 'new', embedding = '{GIVEN}' where id = 1")
    run(embedded, f"update article set embedding = '{GIVEN}' where id = 2")
    assert changes(embedded) == []
    assert vectors(embedded) == 4


def test_an_old_vector_written_back_beside_a_new_text_does_not_pass(
    article: Connection, shared_url: str
) -> None:
    """An ORM that writes whole rows does it."""
    declare(article, "article", SOURCE)
    run(article, "insert into article values (1, 'a', 'x')")
    embed_all(shared_url)
    old = scalar(article, "select embedding::text from article")
    run(article, "update article set title = 'new', body = 'x', embedding = %s where id = 1", old)
    assert (vectors(article), changes(article)) == (0, [[1]])


def test_a_vector_taken_away_comes_back(embedded: Connection, shared_url: str) -> None:
    run(embedded, "update article set embedding = null where id = 1")
    embed_all(shared_url)
    assert outdated(embedded, "article", SOURCE) == []


def test_another_trigger_s_text_counts(article: Connection, shared_url: str) -> None:
    run(
        article,
        """
        create function mine_shout() returns trigger language plpgsql as $$
        begin new.title := upper(new.title); return new; end $$;
        create trigger z_shout before insert or update on article
        for each row execute function mine_shout()
        """,
    )
    declare(article, "article", SOURCE)
    run(article, "insert into article values (1, 'a', 'x')")
    embed_all(shared_url)
    run(article, "update article set title = 'A', views = 1")
    assert changes(article) == []
    run(article, "update article set title = 'b'")
    embed_all(shared_url)
    assert outdated(article, "article", SOURCE) == []
    run(article, "drop function mine_shout cascade")


def test_what_triggers_write_upon_a_vector_is_noted(article: Connection, shared_url: str) -> None:
    """The worker's own write is no change, but a log of it may be embedded as well."""
    run(article, "create table log (id bigint generated always as identity primary key, line text)")
    declare(article, "article", SOURCE)
    declare(article, "log", "line")
    run(
        article,
        """
        create function mine_log() returns trigger language plpgsql as $$
        begin insert into work.log (line) values ('embedded ' || new.id); return null; end $$;
        create trigger log after update of embedding on article
        for each row execute function mine_log()
        """,
    )
    run(article, "insert into article values (1, 'a', 'x')")
    embed_all(shared_url)
    assert outdated(article, "log", "line") == []
    assert scalar(article, "select count(embedding) from log") == 1
    run(article, "drop function mine_log cascade")


def test_foreign_keys_cascade(article: Connection, shared_url: str) -> None:
    run(
        article,
        "create table note (id int primary key, article bigint references article on update cascade"
        " on delete set null, text text)",
    )
    declare(article, "note", "text || ' on ' || coalesce(article::text, 'nothing')")
    run(article, "insert into article values (1, 'a', 'x'), (2, 'b', 'x')")
    run(article, "insert into note values (1, 1, 'one'), (2, 2, 'two')")
    embed_all(shared_url)
    run(article, "update article set id = 11 where id = 1")
    run(article, "delete from article where id = 2")
    assert changes(article) == [[1], [2]]


def test_changes_follow_their_transaction(embedded: Connection, shared_url: str) -> None:
    with psycopg.connect(shared_url) as other:
        run(other, "update article set title = 'new' where id = 1")
        run(other, "savepoint a")
        run(other, "update article set title = 'new' where id = 2")
        run(other, "rollback to a")
        assert changes(embedded) == []
        other.commit()
    assert changes(embedded) == [[1]]


@pytest.mark.parametrize("size", [1, 20_000])
def test_a_plan_made_for_one_row_does_for_many(embedded: Connection, size: int) -> None:
    """Plans are kept: a nested loop over 20,000 rows would take minutes."""
    run(embedded, "update article set title = 'new' where id = 1")
    run(
        embedded,
        f"insert into article select i, 'x' || i, 'x' from generate_series(10, 9 + {size}) as i",
    )
    run(embedded, "set statement_timeout = '20s'")
    run(embedded, "update article set title = title || '!' where id >= 10")
    assert len(changes(embedded)) == 1 + 2 * size
