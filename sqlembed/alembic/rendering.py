"""How the operations are written into a revision: what is default is left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from typing import Any

from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrateOperation, ops

from sqlembed.alembic.clusterings import CreateClusteringOp, DropClusteringOp
from sqlembed.alembic.clusters import CreateKMeansOp, DropModelOp
from sqlembed.alembic.embeddings import (
    AlterEmbeddingOp,
    CreateEmbeddingOp,
    DropEmbeddingOp,
    Target,
)
from sqlembed.alembic.generations import (
    AbandonGenerationOp,
    CreateGenerationOp,
    DropGenerationOp,
    RollbackGenerationOp,
    SwitchGenerationOp,
)
from sqlembed.alembic.installing import DowngradeSqlembedOp, UpgradeSqlembedOp

#: Longer calls stand on several lines.
WIDTH = 88

#: Known to the operation, and no argument of its call.
NOT_WRITTEN = {"keep_column", "original"}


#: What a revision says of a generation that it begins.
LATER = "# Workers fill it while the present one is used; autogenerate then writes the switch."

#: Alembic writes the module of pgvector's types, and forgets to import it.
VECTOR_MODULE = "pgvector.sqlalchemy"

Renderer = Callable[[AutogenContext, MigrateOperation], str]


def _importing(render: Renderer) -> Renderer:
    def rendered(context: AutogenContext, operation: MigrateOperation) -> str:
        text = render(context, operation)
        if f"{VECTOR_MODULE}." in text:
            context.imports.add(f"import {VECTOR_MODULE}")
        return text

    return rendered


for _operation in (ops.CreateTableOp, ops.AddColumnOp, ops.AlterColumnOp):
    _render = renderers.dispatch(_operation)
    renderers.dispatch_for(_operation, replace=True)(_importing(_render))


@renderers.dispatch_for(CreateEmbeddingOp)
def _create_embedding(context: AutogenContext, operation: CreateEmbeddingOp) -> str:
    first = (operation.table_name, operation.embedder, operation.source)
    return _written(context, "create_embedding", first, _said(operation))


@renderers.dispatch_for(DropEmbeddingOp)
def _drop_embedding(context: AutogenContext, operation: DropEmbeddingOp) -> str:
    named: dict[str, Any] = {} if operation.schema is None else {"schema": operation.schema}
    if not operation.keep_column:
        named["keep_column"] = False
    return _written(context, "drop_embedding", (operation.table_name, operation.embedding), named)


@renderers.dispatch_for(AlterEmbeddingOp)
def _alter_embedding(context: AutogenContext, operation: AlterEmbeddingOp) -> str:
    named: dict[str, Any] = {} if operation.schema is None else {"schema": operation.schema}
    named |= operation.changes
    named |= {f"existing_{name}": value for name, value in operation.existing.items()}
    if operation.concurrently:
        named["concurrently"] = True
    return _written(context, "alter_embedding", (operation.table_name, operation.embedding), named)


@renderers.dispatch_for(CreateGenerationOp)
def _create_generation(context: AutogenContext, operation: CreateGenerationOp) -> str:
    named: dict[str, Any] = {} if operation.schema is None else {"schema": operation.schema}
    named |= operation.changes
    if operation.rows_per_second is not None:
        named["rows_per_second"] = operation.rows_per_second
    if operation.generation != "next":
        named["generation"] = operation.generation
    first = (operation.table_name, operation.embedding)
    text = _written(context, "create_generation", first, named)
    return f"{LATER}\n{text}" if operation.generation == "next" else text


@renderers.dispatch_for(AbandonGenerationOp)
def _abandon_generation(context: AutogenContext, operation: AbandonGenerationOp) -> str:
    return _about(context, "abandon_generation", operation)


@renderers.dispatch_for(DropGenerationOp)
def _drop_generation(context: AutogenContext, operation: DropGenerationOp) -> str:
    return _about(context, "drop_generation", operation)


@renderers.dispatch_for(SwitchGenerationOp)
def _switch_generation(context: AutogenContext, operation: SwitchGenerationOp) -> str:
    return _about(context, "switch_generation", operation)


@renderers.dispatch_for(RollbackGenerationOp)
def _rollback_generation(context: AutogenContext, operation: RollbackGenerationOp) -> str:
    return _about(context, "rollback_generation", operation)


@renderers.dispatch_for(CreateKMeansOp)
def _create_kmeans(context: AutogenContext, operation: CreateKMeansOp) -> str:
    first = (operation.name, operation.query)
    return _written(context, "create_kmeans", first, _said(operation))


@renderers.dispatch_for(DropModelOp)
def _drop_model(context: AutogenContext, operation: DropModelOp) -> str:
    return _written(context, "drop_model", (operation.name,), {})


@renderers.dispatch_for(CreateClusteringOp)
def _create_clustering(context: AutogenContext, operation: CreateClusteringOp) -> str:
    first = (operation.table_name, operation.name)
    return _written(context, "create_clustering", first, _said(operation))


@renderers.dispatch_for(DropClusteringOp)
def _drop_clustering(context: AutogenContext, operation: DropClusteringOp) -> str:
    named = {} if operation.keep_column else {"keep_column": False}
    return _written(context, "drop_clustering", (operation.name,), named)


@renderers.dispatch_for(UpgradeSqlembedOp)
def _upgrade_sqlembed(context: AutogenContext, operation: UpgradeSqlembedOp) -> str:
    return _written(context, "upgrade_sqlembed", (operation.revision,), _said(operation))


@renderers.dispatch_for(DowngradeSqlembedOp)
def _downgrade_sqlembed(context: AutogenContext, operation: DowngradeSqlembedOp) -> str:
    return _written(context, "downgrade_sqlembed", (operation.revision,), _said(operation))


def _about(context: AutogenContext, name: str, operation: Target) -> str:
    named = _said(operation)
    named.pop("embedding", None)
    return _written(context, name, (operation.table_name, operation.embedding), named)


def _said(operation: Any) -> dict[str, Any]:
    """Return the arguments that are not default."""
    said = {}
    for item in fields(operation):
        value = getattr(operation, item.name)
        if item.default is not MISSING and value != item.default and item.name not in NOT_WRITTEN:
            said[item.name] = value
    return said


def _written(
    context: AutogenContext, name: str, first: tuple[str, ...], named: Mapping[str, Any]
) -> str:
    # Names of tables may be of a class of SQLAlchemy's, which is written like a text.
    arguments = [repr(str(value)) for value in first]
    arguments += [f"{key}={_plain(value)!r}" for key, value in named.items()]
    called = f"{context.opts['alembic_module_prefix'] or ''}{name}"
    line = f"{called}({', '.join(arguments)})"
    if len(line) <= WIDTH:
        return line
    return "\n".join([f"{called}(", *(f"    {argument}," for argument in arguments), ")"])


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return str(value)
    return dict(value) if isinstance(value, Mapping) else value
