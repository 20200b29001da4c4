"""The operations: online, as a script, on busy tables, in many schemas, with bad input."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

from sqlembed import config
from sqlembed.alembic import AlterEmbeddingOp, DropClusteringOp, DropEmbeddingOp, DropModelOp
from sqlembed.errors import InputError, VersionMismatch
from sqlembed.schema import functions, loopback, migrate
from tests.migrations.application import Application
from tests.migrations.histories import CATALOGUE, article, psql, rows, state
from tests.writing import embed_all

CREATE = 'op.execute("create table article (id int primary key, title text, body text)")\n'


@pytest.fixture
def application(tmp_path: Path, engine: sa.Engine) -> Application:
    return Application(tmp_path, engine, transaction_per_migration=True)


@pytest.fixture
def twin(tmp_path: Path, empty_url: str) -> Iterator[Application]:
    """An application on an empty database, without sqlembed."""
    engine = sa.create_engine(config.sqlalchemy_url(empty_url), poolclass=sa.NullPool)
    yield Application(tmp_path, engine, transaction_per_migration=True)
    engine.dispose()


HISTORY = [
    "op.upgrade_sqlembed('head')",
    CREATE
    + "op.create_embedding('article', 'hash', \"title || E'\\\\n%:x\\t\\\\\\\\ $sqlembed$'\","
    " dimensions=8, index_options={'m': 8})",
    "op.alter_embedding('article', timing='sync', on_change='keep', full_text='english')",
    "op.alter_embedding('article', metric='l1', existing_storage='vector',"
    " existing_index_options={'m': 8}, concurrently=True)",
    "op.alter_embedding('article', source='body', storage='halfvec', timing='async')",
    "op.execute('create table memo (id int primary key, body text)')\n"
    "op.create_embedding('memo', 'hash', 'body', embedding='v', dimensions=8, concurrently=True,"
    " index='prefix', index_options={'dimensions': 4})\n"
    "op.create_embedding('memo', 'hash', 'body', embedding='cut', dimensions=8,"
    " chunking={'characters': 100})",
    "op.execute(\"insert into memo select i, 'x', format('[%s,1,1,1,1,1,1,1]', i)::vector"
    ' from generate_series(1, 9) i")\n'
    "op.create_kmeans('m', 'select id, v, id from memo', num_clusters=2, metric='euclidean',"
    " seed=3, weights=[2, 0.5])\n"
    "op.create_clustering('memo', 'kept', embedding='v', cluster_column='c %', num_clusters=3)",
]


def test_a_script_does_what_is_done_online(template: str, twin: Application) -> None:
    """Beside another database of the cluster, which knows the password of the loopback."""
    for step in HISTORY:
        twin.write(step)
    twin.upgrade()
    online = state(twin), rows(twin, "select name, num_clusters, seed from sqlembed.cluster_model")
    with twin.engine.connect() as connection:
        migrate.check(connection)
        assert functions.drift(connection) == {}
        assert loopback.configure(twin.engine, None) == []
    url = config.libpq_url(twin.engine.url.render_as_string(hide_password=False))

    with psycopg.connect(url, autocommit=True) as connection_:
        connection_.execute("drop table article cascade")
        connection_.execute("drop table memo, alembic_version cascade")
    migrate.uninstall(twin.engine)
    psql(url, twin.script())
    assert (
        state(twin),
        rows(twin, "select name, num_clusters, seed from sqlembed.cluster_model"),
    ) == online
    with twin.engine.connect() as connection:
        migrate.check(connection)


def test_a_script_goes_back_and_up_again(twin: Application) -> None:
    url = config.libpq_url(twin.engine.url.render_as_string(hide_password=False))
    twin.metadata = article(source="title", full_text="english")
    twin.revise()
    for _ in range(2):
        psql(url, twin.script())
        assert twin.differences() == []
        psql(url, twin.script("head:base", down=True))
        assert rows(twin, "select to_regclass('article'), to_regclass('sqlembed.embedding')") == [
            (None, None)
        ]
        rows(twin, "drop table alembic_version")


def test_a_script_leaves_texts_as_they_are(application: Application) -> None:
    application.options["dialect_opts"] = {}
    application.write(HISTORY[1])
    script = application.script()
    assert "%:x\t" in script
    assert "%%" not in script
    application.upgrade()
    ((source,),) = rows(application, "select declared_source from sqlembed.embedding")
    assert source == "title || E'\\n%:x\t\\\\ $sqlembed$'"


def test_sqlembed_within_the_history(twin: Application) -> None:
    """Settings that its revisions need do not stay, and a second time there is nothing to do."""
    twin.write(
        "op.execute('set search_path = public')\nop.upgrade_sqlembed('0001')\n"
        "op.upgrade_sqlembed('head')\n"
        "op.execute('create table here (id int primary key)')\n"
        "op.execute(\"do $$ begin assert current_setting('check_function_bodies') = 'on'; end"
        ' $$")',
        "op.execute('drop table here')\nop.downgrade_sqlembed('base')",
    )
    for _ in range(2):
        twin.upgrade()
        assert rows(twin, "select to_regclass('public.here') is not null") == [(True,)]
        with twin.engine.connect() as connection:
            migrate.check(connection)
            assert functions.drift(connection) == {}
        twin.downgrade("base")
        with twin.engine.connect() as connection:
            assert migrate.current(connection) is None


def test_sqlembed_does_not_go_while_it_is_used(application: Application) -> None:
    application.write(
        "op.upgrade_sqlembed('head')\n"
        + CREATE
        + "op.create_embedding('article', 'hash', 'title', dimensions=8)",
        "op.downgrade_sqlembed('base')",
    )
    application.upgrade()
    with pytest.raises(sa.exc.DBAPIError, match=r"article has embeddings"):
        application.downgrade("base")
    assert len(rows(application, CATALOGUE)) == 1


def test_a_busy_table_is_not_stalled(application: Application) -> None:
    """While the migration waits for a lock, writers pass; it goes on once the table is free."""
    application.write(CREATE)
    application.upgrade()
    application.write(
        "op.create_embedding('article', 'hash', 'title', dimensions=8)",
        "op.drop_embedding('article')",
    )
    application.options |= {"sqlembed_lock_timeout": "50ms", "sqlembed_lock_attempts": 200}
    failures: list[BaseException] = []

    def migrating() -> None:
        try:
            application.upgrade()
        except BaseException as error:
            failures.append(error)

    with application.engine.connect() as busy:
        busy.execute(sa.text("insert into article values (1, 'x', 'y')"))
        thread = threading.Thread(target=migrating)
        thread.start()
        slowest = 0.0
        with application.engine.connect() as other:
            for number in range(2, 30):
                began = time.monotonic()
                other.execute(sa.text(f"insert into article values ({number}, 'x', 'y')"))
                other.commit()
                slowest = max(slowest, time.monotonic() - began)
                time.sleep(0.02)
        assert thread.is_alive()
        busy.commit()
    thread.join(timeout=30)
    assert not thread.is_alive()
    assert failures == []
    assert slowest < 1
    assert len(rows(application, CATALOGUE)) == 1


def test_it_gives_up_in_the_end(application: Application) -> None:
    application.write(CREATE)
    application.upgrade()
    application.write("op.create_embedding('article', 'hash', 'title', dimensions=8)")
    application.options |= {"sqlembed_lock_timeout": "20ms", "sqlembed_lock_attempts": 2}
    with application.engine.connect() as busy:
        busy.execute(sa.text("insert into article values (1, 'x', 'y')"))
        with pytest.raises(sa.exc.DBAPIError, match="lock timeout"):
            application.upgrade()
    assert rows(application, CATALOGUE) == []


def test_a_revision_that_stopped_goes_on(application: Application, url: str) -> None:
    """What an interrupted concurrent build leaves behind is no obstacle."""
    application.write(CREATE)
    application.upgrade()
    rows(application, "alter table article add embedding vector(8)")
    rows(application, "insert into article values (1, 'x', 'y', null)")
    application.write(
        "op.create_embedding('article', 'hash', 'title', dimensions=8, concurrently=True)\n"
        "op.execute('select 1 / (select count(*) from flag)')"
    )
    rows(application, "create table flag (id int)")
    with pytest.raises(sa.exc.DBAPIError, match="division by zero"):
        application.upgrade()
    assert rows(application, "select index from sqlembed.embedding") == [("none",)]
    rows(application, "insert into flag values (1)")
    application.upgrade()
    ((index, name),) = rows(application, "select index, index_name from sqlembed.embedding")
    assert (index, name) == ("hnsw", "article_embedding_hnsw_cosine")
    embed_all(url)
    application.write("op.drop_embedding('article')")
    application.upgrade()
    assert rows(application, "select to_regclass('article_embedding_hnsw_cosine')") == [(None,)]


def test_fifty_tenants_with_one_declaration(application: Application) -> None:
    """The same models in 50 schemas, each with a history of its own, by schema_translate_map."""
    application.metadata = article(source="title")
    application.write(
        "op.create_table('article', sa.Column('id', sa.Integer, primary_key=True),"
        " sa.Column('title', sa.Text), sa.Column('body', sa.Text))\n"
        "op.create_embedding('article', 'hash', 'title', dimensions=8, index='none')",
        "op.drop_embedding('article')\nop.drop_table('article')",
    )
    tenants = [f"tenant {number}" for number in range(50)]
    for tenant in tenants:
        rows(application, f'create schema "{tenant}"')
        application.prepare = lambda connection, tenant=tenant: connection.execution_options(
            schema_translate_map={None: tenant}
        )
        application.options["version_table_schema"] = tenant
        application.upgrade()
    found = rows(application, CATALOGUE)
    assert sorted(row[0] for row in found) == sorted(f'"{tenant}".article' for tenant in tenants)
    application.downgrade("base")
    assert len(rows(application, CATALOGUE)) == 49


def test_tenants_by_search_path(application: Application) -> None:
    """Alembic's own recipe: the schema of the tenant is the default one, for autogenerate too."""
    application.metadata = article(source="title")

    def choose(tenant: str) -> None:
        def prepare(connection: sa.Connection) -> sa.Connection:
            connection.execute(sa.text(f"set search_path = {tenant}, public"))
            connection.commit()
            connection.dialect.default_schema_name = tenant
            return connection

        application.prepare = prepare

    for tenant in ("one", "two"):
        rows(application, f"create schema {tenant}")
    choose("one")
    application.revise()
    for tenant in ("one", "two"):
        choose(tenant)
        application.upgrade()
        assert application.differences() == []
    application.metadata = article(source="body")
    application.revise()
    application.upgrade()
    assert application.differences() == []
    sources = (
        "select c.relnamespace::regnamespace::text, e.source from sqlembed.embedding as e"
        " join pg_class as c on c.oid = e.relation order by 1"
    )
    assert rows(application, sources) == [("one", "title"), ("two", "body")]
    application.engine.dispose()


def test_operations_without_an_environment(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        operations = Operations(MigrationContext.configure(connection))
        operations.execute("create table article (id int primary key, title text)")
        operations.create_embedding("article", "hash", "title", dimensions=8)  # type: ignore[attr-defined]
        operations.upgrade_sqlembed("0001")  # type: ignore[attr-defined]
        operations.drop_embedding("article", keep_column=False)  # type: ignore[attr-defined]
        columns = sa.inspect(connection).get_columns("article")
        assert [column["name"] for column in columns] == ["id", "title"]


@pytest.mark.parametrize(
    ("statement", "error", "message"),
    [
        ("op.alter_embedding('article')", InputError, "nothing is changed"),
        ("op.alter_embedding('article', place='side')", InputError, "'place'"),
        ("op.alter_embedding('article', timing='later')", sa.exc.DBAPIError, "later"),
        (
            "op.alter_embedding('article', metric='l1', concurrently=True)",
            InputError,
            "needs storage",
        ),
        (
            "op.alter_embedding('article', index='hnsw', existing_storage='halfvec',"
            " concurrently=True)",
            sa.exc.DBAPIError,
            "halfvec_cosine_ops",
        ),
        ("op.alter_embedding('nowhere', timing='sync')", sa.exc.DBAPIError, "nowhere"),
        ("op.drop_embedding('article', 'other')", sa.exc.DBAPIError, "no embedding other"),
        ("op.create_embedding('article', 'hash', 'nothing', embedding='v', dimensions=8)",
         sa.exc.DBAPIError, "nothing"),
        ("op.create_embedding('article', 'new', 'title', embedding='v')",
         sa.exc.DBAPIError, "unknown embedder"),
        ("op.create_embedding('article', 'hash', 'title', embedding='v', place='side',"
         " concurrently=True)", InputError, "concurrently"),
        ("op.create_kmeans('m', 'select 1')", sa.exc.DBAPIError, "."),
        ("op.create_kmeans('m', 'select 1, null::vector', candidates=[])",
         sa.exc.DBAPIError, "nothing to choose from"),
        ("op.drop_model('nothing')", sa.exc.DBAPIError, "nothing"),
        ("op.create_clustering('article', 'm')", sa.exc.DBAPIError, "no rows"),
        ("op.create_clustering('nowhere', 'm')", sa.exc.DBAPIError, "nowhere"),
        ("op.drop_clustering('nothing')", sa.exc.DBAPIError, "nothing"),
        ("op.upgrade_sqlembed('9999')", InputError, "no revision '9999'"),
        ("op.downgrade_sqlembed('9999')", InputError, "no revision '9999'"),
    ],
)  # fmt: skip
def test_bad_input_changes_nothing(
    application: Application, statement: str, error: type[Exception], message: str
) -> None:
    application.write(
        CREATE + "op.create_embedding('article', 'hash', 'title', dimensions=8, index='none')"
    )
    application.upgrade()
    before = state(application)
    application.write(statement)
    with pytest.raises(error, match=message):
        application.upgrade()
    assert state(application) == before


def test_a_newer_schema_is_not_touched(application: Application) -> None:
    rows(application, "update sqlembed.alembic_version set version_num = '9999'")
    application.write("op.upgrade_sqlembed('0001')")
    with pytest.raises(VersionMismatch, match="9999"):
        application.upgrade()


@pytest.mark.parametrize(
    "operation",
    [
        DropEmbeddingOp(table_name="article"),
        DropModelOp(name="m"),
        DropClusteringOp(name="m"),
        AlterEmbeddingOp(table_name="article", changes={"timing": "sync"}, existing={}),
    ],
)
def test_what_is_not_known_cannot_be_reversed(
    operation: DropEmbeddingOp | DropModelOp | DropClusteringOp | AlterEmbeddingOp,
) -> None:
    with pytest.raises(ValueError, match="reversed"):
        operation.reverse()
