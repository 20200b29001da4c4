create or replace function sqlembed._attach_triggers(declared sqlembed.embedding) returns void
language plpgsql
volatile
-- A canonical expression means what it says there, whatever the caller's search_path.
set search_path = pg_catalog, pg_temp
as $function$
declare
    members regclass[] := (_attach_triggers.declared).relation
        operator(pg_catalog.||) sqlembed._members((_attach_triggers.declared).relation);
    is_partitioned boolean;
    present record;
    source text;
    wanted record;
    member regclass;
begin
    perform sqlembed._make_note_function((_attach_triggers.declared).id);
    perform sqlembed._make_row_functions((_attach_triggers.declared).id);
    select c.relkind operator(pg_catalog.=) 'p'
    into is_partitioned
    from pg_catalog.pg_class as c
    where c.oid operator(pg_catalog.=) (_attach_triggers.declared).relation;
    select p.* into present from sqlembed._present_columns(_attach_triggers.declared) as p;
    source := sqlembed._renamed_source(
        (_attach_triggers.declared).relation,
        (_attach_triggers.declared).source,
        (_attach_triggers.declared).source_columns,
        present.source
    );
    if source is null then
        raise exception 'sqlembed: a column of the source of % is gone', (_attach_triggers.declared).relation
            using errcode = 'SE012',
                hint = pg_catalog.format(
                    'Declare it anew, after: select sqlembed.drop_embedding(%L, %L).',
                    (_attach_triggers.declared).relation, (_attach_triggers.declared).name
                );
    end if;
    foreach member in array members
    loop
        for wanted in select w.* from sqlembed._wanted_triggers(_attach_triggers.declared) as w
        loop
            -- Partitions get the row triggers of their parent.
            continue when wanted.is_row and is_partitioned
                and member operator(pg_catalog.<>) (_attach_triggers.declared).relation;
            execute pg_catalog.format(
                'create or replace trigger %I %s %s execute function sqlembed.%I(%s)',
                wanted.name,
                pg_catalog.format(wanted.definition, member),
                case
                    -- An ORM that writes the old vector back beside a new text gets NULL; a client's
                    -- new vector is kept.
                    when wanted.function operator(pg_catalog.~) '^_hide_' then pg_catalog.format(
                        'when ((%s) is distinct from (%s) and pg_catalog.record_image_eq(row(old.%3$I), row(new.%3$I)))',
                        sqlembed._row_source(member, source, 'old'),
                        sqlembed._row_source(member, source, 'new'),
                        present.vector
                    )
                    when wanted.name operator(pg_catalog.~) '^sqlembed_update_' and wanted.fires operator(pg_catalog.=) 'A'
                    then pg_catalog.format('when (new.%I is null)', present.vector)
                end,
                wanted.function,
                case when wanted.function operator(pg_catalog.=) '_embed_statement' then (_attach_triggers.declared).id end
            );
            execute pg_catalog.format(
                'alter table %s enable %s trigger %I',
                member,
                case wanted.fires when 'A' then 'always' when 'R' then 'replica' end,
                wanted.name
            );
        end loop;
    end loop;
    perform sqlembed._drop_triggers(
        (_attach_triggers.declared).id,
        array(select w.name from sqlembed._wanted_triggers(_attach_triggers.declared) as w),
        members
    );
end
$function$;

comment on function sqlembed._attach_triggers(sqlembed.embedding) is
    'Put the triggers of an embedding on its table and the children of it, as they are wanted, and take off others of its own.';
