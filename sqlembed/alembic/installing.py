"""``op.upgrade_sqlembed``: the version of the schema ``sqlembed`` in the application's history."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import alembic
from alembic.operations import MigrateOperation, Operations
from alembic.runtime.migration import MigrationContext

from sqlembed.alembic.statements import run
from sqlembed.errors import InputError, VersionMismatch
from sqlembed.schema import functions, loopback, migrate
from sqlembed.schema.functions import verbatim
from sqlembed.schema.loopback import LOCK
from sqlembed.schema.revisions import PREREQUISITES

log = logging.getLogger(__name__)

BASE = "base"

#: What our own revisions set, which the application's next operation must find as it was.
SETTINGS = ("search_path", "check_function_bodies")

KEEP = """do $sqlembed$
begin
    perform pg_catalog.set_config('sqlembed.kept_{0}', pg_catalog.current_setting('{0}'), true);
end
$sqlembed$"""

PUT_BACK = """do $sqlembed$
begin
    perform pg_catalog.set_config('{0}', pg_catalog.current_setting('sqlembed.kept_{0}'), true);
end
$sqlembed$"""

# As online, everything but embed() works without it.
CONFIGURE_LOOPBACK = """do $sqlembed$
declare
    advice text;
begin
    perform sqlembed._configure_loopback();
exception when others then
    get stacked diagnostics advice = pg_exception_hint;
    raise warning 'embed() from SQL does not work yet: %', sqlerrm using hint = advice;
end
$sqlembed$"""

REFUSE_DECLARED = """do $sqlembed$
begin
    if exists (select from sqlembed.embedding) then
        raise exception 'sqlembed: % has embeddings, which would be kept up to date no more',
            (select min(relation::text) from sqlembed.embedding)
            using errcode = 'SE013', hint = 'First: op.drop_embedding, which keeps the vectors.';
    end if;
end
$sqlembed$"""


@Operations.register_operation("upgrade_sqlembed")
@dataclass(kw_only=True, eq=False)
class UpgradeSqlembedOp(MigrateOperation):
    """Brings the schema ``sqlembed`` to a revision, or beyond where it is there already."""

    revision: str
    existing_revision: str = BASE

    @classmethod
    def upgrade_sqlembed(
        cls, operations: Operations, revision: str, *, existing_revision: str = BASE
    ) -> None:
        """Install or upgrade the schema ``sqlembed``; nothing where it is that far already.

        It sets up the way by which ``embed()`` asks workers, too: in an autocommit block, so what
        stands before it in the revision is committed. With ``--sql`` the script goes from
        ``existing_revision`` to ``revision``.
        """
        operations.invoke(cls(revision=revision, existing_revision=existing_revision))

    def reverse(self) -> DowngradeSqlembedOp:
        return DowngradeSqlembedOp(revision=self.existing_revision, existing_revision=self.revision)

    def to_diff_tuple(self) -> tuple[Any, ...]:
        return ("upgrade_sqlembed", self.existing_revision, self.revision)


@Operations.register_operation("downgrade_sqlembed")
@dataclass(kw_only=True, eq=False)
class DowngradeSqlembedOp(MigrateOperation):
    """Takes the schema ``sqlembed`` back to a revision."""

    revision: str
    existing_revision: str | None = None

    @classmethod
    def downgrade_sqlembed(
        cls, operations: Operations, revision: str, *, existing_revision: str | None = None
    ) -> None:
        """Take the schema ``sqlembed`` back to a revision, ``"base"`` for none.

        Columns with vectors stay; embeddings that are declared still are an error. The script of
        ``--sql`` begins at ``existing_revision``, without it at the newest one.
        """
        operations.invoke(cls(revision=revision, existing_revision=existing_revision))

    def reverse(self) -> UpgradeSqlembedOp:
        return UpgradeSqlembedOp(
            revision=self.existing_revision or migrate.head(), existing_revision=self.revision
        )

    def to_diff_tuple(self) -> tuple[Any, ...]:
        return ("downgrade_sqlembed", self.existing_revision, self.revision)


@Operations.implementation_for(UpgradeSqlembedOp)
def _upgrade(operations: Operations, operation: UpgradeSqlembedOp) -> None:
    migrate.check_revision(operation.revision)
    context = operations.migration_context
    found: str | None = None
    if not context.as_sql:
        connection = operations.get_bind()
        connection.execute(verbatim(LOCK))
        found = _found(operations)
        if found is not None and migrate.is_reached(operation.revision, found):
            return
    with _settings_kept(operations):
        run(operations, PREREQUISITES.read_text(encoding="utf-8").rstrip().rstrip(";"))
        _migrate(operations, operation.existing_revision, migrate.steps(operation.revision))
        if not context.as_sql and operation.revision in ("head", migrate.head()):
            functions.mend(operations.get_bind())
    with operations.get_context().autocommit_block():
        _configure_loopback(operations)


@Operations.implementation_for(DowngradeSqlembedOp)
def _downgrade(operations: Operations, operation: DowngradeSqlembedOp) -> None:
    if operation.revision != BASE:
        migrate.check_revision(operation.revision)
    if not operations.migration_context.as_sql:
        found = _found(operations)
        if found is None or found == operation.revision:
            return
    if operation.revision == BASE:
        run(operations, REFUSE_DECLARED)
    starting = operation.existing_revision or migrate.head()
    with _settings_kept(operations):
        _migrate(operations, starting, migrate.steps(operation.revision, down=True))
    if operation.revision == BASE:
        # A script that goes up again makes it.
        run(operations, "DROP TABLE sqlembed.alembic_version")


def _found(operations: Operations) -> str | None:
    """Return the revision that the database is at.

    Raises:
        VersionMismatch: this code does not know it.
    """
    found = migrate.current(operations.get_bind())
    if found is not None:
        try:
            migrate.check_revision(found)
        except InputError as error:
            raise VersionMismatch(
                f"the schema sqlembed is at revision {found}, which this version does not know",
                hint="Run the migration with the newer version of sqlembed.",
            ) from error
    return found


def _migrate(operations: Operations, starting: str, steps: Callable[..., Any]) -> None:
    """Run our own revisions in the application's transaction, or into its script."""
    context = operations.migration_context
    options = {
        "version_table_schema": "sqlembed",
        "fn": steps,
        "as_sql": context.as_sql,
        "output_buffer": context.output_buffer,
    }
    if context.as_sql:
        ours = MigrationContext.configure(
            dialect_name="postgresql",
            dialect_opts={"paramstyle": "named"},
            opts=options | {"starting_rev": starting},
        )
    else:
        ours = MigrationContext.configure(operations.get_bind(), opts=options)
    # Alembic has one `op` at a time, and takes it away at the end.
    theirs = vars(alembic.op).get("_proxy")
    try:
        with Operations.context(ours):
            ours.run_migrations()
    finally:
        if theirs is not None:
            theirs._install_proxy()


@contextlib.contextmanager
def _settings_kept(operations: Operations) -> Iterator[None]:
    for setting in SETTINGS:
        run(operations, KEEP.format(setting))
    yield
    for setting in SETTINGS:
        run(operations, PUT_BACK.format(setting))


def _configure_loopback(operations: Operations) -> None:
    if operations.migration_context.as_sql:
        # Twice: the first time it may give the role its password, which counts once committed.
        for _ in range(2):
            run(operations, CONFIGURE_LOOPBACK)
        return
    for problem in loopback.configure(operations.get_bind().engine, None):
        log.warning("embed() from SQL does not work yet: %s", problem)
