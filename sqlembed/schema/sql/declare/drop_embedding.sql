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
    index_schema name;
begin
    perform sqlembed._check_relation(drop_embedding.relation);
    delete from sqlembed.embedding as e where e.id operator(pg_catalog.=) declared.id;
    perform sqlembed._drop_triggers(declared.id, '{}', '{}');
    perform sqlembed._drop_note_function(declared.id);
    if not drop_embedding.keep_column then
        execute pg_catalog.format('alter table %s drop column if exists %I', declared.relation, declared.name);
    elsif declared.index_name is not null then
        select n.nspname
        into index_schema
        from pg_catalog.pg_class as c
        join pg_catalog.pg_namespace as n on n.oid operator(pg_catalog.=) c.relnamespace
        where c.oid operator(pg_catalog.=) declared.relation;
        execute pg_catalog.format('drop index if exists %I.%I', index_schema, declared.index_name);
    end if;
end
$function$;

comment on function sqlembed.drop_embedding(regclass, name, boolean) is
    'Stop keeping a vector column up to date: takes off the triggers and the index that were made for it. The column and its vectors stay unless keep_column is false.';
