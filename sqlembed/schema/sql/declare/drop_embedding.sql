create or replace function sqlembed.drop_embedding(
    relation regclass,
    embedding name default 'embedding',
    keep_column boolean default true
)
returns void
language plpgsql
volatile
as $function$
declare
    declared sqlembed.embedding := sqlembed._embedding_of(drop_embedding.relation, drop_embedding.embedding);
    present name := (select p.vector from sqlembed._present_columns(declared) as p);
    own_index regclass;
    hash_call text := sqlembed._hash_call(declared, 'r');
    beside sqlembed.embedding := sqlembed._beside(declared);
begin
    perform sqlembed._check_relation(drop_embedding.relation);
    if not drop_embedding.keep_column then
        perform sqlembed._refuse_clustered(coalesce(declared.side, declared.relation), present);
    end if;
    if beside.id is not null then
        perform sqlembed.drop_embedding(beside.relation, beside.name, keep_column => false);
    end if;
    -- It may have been dropped by hand.
    declared.side := (select c.oid from pg_catalog.pg_class as c where c.oid operator(pg_catalog.=) declared.side);
    update sqlembed.embedding as e set is_dropped = true where e.id operator(pg_catalog.=) declared.id;
    perform sqlembed._drop_triggers(declared.id, '{}', '{}');
    perform sqlembed._drop_note_function(declared.id);
    if declared.full_text_column is not null then
        execute pg_catalog.format('alter table %s drop column if exists %I', declared.relation, declared.full_text_column);
    end if;
    if hash_call is not null then
        execute pg_catalog.format(
            'drop function %s(%s)', pg_catalog.left(hash_call, -pg_catalog.length('(r.*)')), declared.relation
        );
    end if;
    if declared.side is not null then
        -- Kept, it is its owner's alone: without the policy there is nobody else to see a row.
        execute pg_catalog.format('drop policy if exists sqlembed_follow on %s', declared.side);
    end if;
    if not drop_embedding.keep_column and declared.side is not null then
        execute pg_catalog.format('drop table %s', declared.side);
    elsif not drop_embedding.keep_column then
        if present is not null then
            execute pg_catalog.format('alter table %s drop column %I', declared.relation, present);
        end if;
    elsif declared.index_name is not null then
        own_index := sqlembed._own_index(coalesce(declared.side, declared.relation), declared.index_name);
        if own_index is not null then
            execute pg_catalog.format('drop index %s', own_index);
        end if;
    end if;
end
$function$;

comment on function sqlembed.drop_embedding(regclass, name, boolean) is
    'Stop keeping a vector column up to date: takes off the triggers, the index and the full text that were made for it. The column, or the side table, and its vectors stay unless keep_column is false; another generation beside it goes.';
