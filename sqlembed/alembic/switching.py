"""What the operations on generations do, online and in a script."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from alembic.operations import Operations

from sqlembed.alembic.embeddings import Target
from sqlembed.alembic.execution import perform
from sqlembed.alembic.generations import (
    AbandonGenerationOp,
    Beside,
    CreateGenerationOp,
    DropGenerationOp,
    ExchangeOp,
    RollbackGenerationOp,
    SwitchGenerationOp,
)
from sqlembed.alembic.indexes import build_concurrently, natural_storage
from sqlembed.alembic.statements import (
    Expression,
    relation,
    run,
    run_block,
    run_patiently,
    shortened,
)
from sqlembed.orm.literals import literal

#: These try for so long themselves, 100 ms at a time.
TIMEOUT = {"timeout": Expression("pg_catalog.current_setting('lock_timeout')::interval")}

# What was written a moment ago is another matter, also where it is embedded when it is written.
REFUSE_UNFILLED = """declare
    pair record;
    present sqlembed.embedding;
begin
    select c.* into pair from {pair} as c;
    present := pair.present;
    present.timing := 'async';
    perform sqlembed._refuse_unfilled(present, pair.beside, '10 s');
end"""

IS_SYNC = """
select (c.present).timing = 'sync' and (c.beside).timing <> 'sync'
from {pair} as c
"""

# From then on a row has both vectors when it is committed.
MAKE_SYNC = """
            perform sqlembed.alter_embedding((c.beside).relation, (c.beside).name, timing => 'sync')
            from {pair} as c
            where (c.present).timing = 'sync' and (c.beside).timing <> 'sync'"""

# What waits was written before that.
SETTLE = """begin
    for attempt in 1..300 loop
        exit when not exists (
            select
            from {pair} as c
            join sqlembed._waiting as w on w.embedding = (c.beside).id
            where (c.present).timing = 'sync'
        );
        perform pg_catalog.pg_sleep(0.2);
    end loop;
end"""

INDEX = """
select sqlembed.generation_index({relation}, {embedding}), (
        select 'drop index concurrently ' || i.indexrelid::regclass
        from pg_catalog.pg_index as i
        join pg_catalog.pg_class as o on o.oid = i.indexrelid
        where i.indrelid = coalesce((c.beside).side, (c.beside).relation)
            and o.relname = (c.beside).index_name
            and not i.indisvalid
    )
from {pair} as c
"""

# Its own name has a number that no script can know.
NAME_INDEX = """
            declare
                pair record;
                holder regclass;
            begin
                select c.* into pair from {pair} as c;
                holder := coalesce((pair.beside).side, (pair.beside).relation);
                if sqlembed._own_index(holder, (pair.beside).index_name) is null then
                    execute pg_catalog.format(
                        'alter index %s rename to %I', {built}::pg_catalog.regclass,
                        (pair.beside).index_name
                    );
                else
                    execute pg_catalog.format('drop index %s', {built}::pg_catalog.regclass);
                end if;
            end"""


@Operations.implementation_for(CreateGenerationOp)
def _create_generation(operations: Operations, operation: CreateGenerationOp) -> None:
    options: dict[str, Any] = {"rows_per_second": operation.rows_per_second}
    if operation.generation != "next":
        options["generation"] = operation.generation
    perform(operations, operation, "create_generation", operation.changes | options | TIMEOUT)


@Operations.implementation_for(AbandonGenerationOp)
def _abandon_generation(operations: Operations, operation: AbandonGenerationOp) -> None:
    perform(operations, operation, "abandon_generation", TIMEOUT)


@Operations.implementation_for(DropGenerationOp)
def _drop_generation(operations: Operations, operation: DropGenerationOp) -> None:
    perform(operations, operation, "drop_generation", TIMEOUT)


@Operations.implementation_for(SwitchGenerationOp)
def _switch_generation(operations: Operations, operation: SwitchGenerationOp) -> None:
    _exchange(operations, operation, "next", "switch_generation")


@Operations.implementation_for(RollbackGenerationOp)
def _rollback_generation(operations: Operations, operation: RollbackGenerationOp) -> None:
    _exchange(operations, operation, "previous", "rollback_generation")


def _exchange(
    operations: Operations, operation: ExchangeOp, generation: Beside, function: str
) -> None:
    names = _names(operations, operation, generation)
    run_block(operations, REFUSE_UNFILLED.format_map(names))
    is_script = operations.migration_context.as_sql
    if is_script or _asked(operations, IS_SYNC.format_map(names))[0]:
        with operations.get_context().autocommit_block():
            run_patiently(operations, MAKE_SYNC.format_map(names))
    if is_script:
        _build_as_said(operations, operation, generation, names)
    else:
        _build_as_asked(operations, names)
    run_block(operations, SETTLE.format_map(names))
    perform(operations, operation, function, TIMEOUT)


def _build_as_asked(operations: Operations, names: dict[str, str]) -> None:
    statement, leftover = _asked(operations, INDEX.format_map(names))
    if statement is not None:
        with operations.get_context().autocommit_block():
            if leftover is not None:
                run(operations, leftover)
            run(operations, statement)


def _build_as_said(
    operations: Operations,
    operation: ExchangeOp,
    generation: Beside,
    names: dict[str, str],
) -> None:
    if operation.index == "none":
        return
    column = shortened(f"{operation.embedding}_{generation}")
    table = operation.table_name
    if operation.place == "side":
        table = shortened(f"{table}_{column}")
    wanted = asdict(operation)
    wanted["storage"] = operation.storage or natural_storage(operation.dimensions)
    built = build_concurrently(
        operations,
        Target(table_name=table, embedding=column, schema=operation.schema),
        wanted,
        shortened(f"{operation.table_name}_{column}_index"),
    )
    built = relation(operations, built, operation.schema)
    run_patiently(operations, NAME_INDEX.format_map(names | {"built": literal(built)}))


def _names(operations: Operations, target: Target, generation: Beside) -> dict[str, str]:
    """Return SQL for the table, the embedding, and the two generations of it."""
    table = f"{literal(relation(operations, target.table_name, target.schema))}::regclass"
    embedding = literal(target.embedding)
    pair = f"sqlembed._current({table}, {embedding}, {literal(generation)})"
    return {"relation": table, "embedding": embedding, "pair": pair}


def _asked(operations: Operations, statement: str) -> Any:
    options = {"no_parameters": True}
    return operations.get_bind().exec_driver_sql(statement, execution_options=options).one()
