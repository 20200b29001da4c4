create or replace function sqlembed._follow_columns() returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
set lock_timeout = '200ms'
as $function$
declare
    renamed integer[];
    mixed_up integer[];
    sources text[];
    found regclass;
    declared sqlembed.embedding;
begin
    -- With the rights of the worker, which may read the tables: what stands in them, in their sources
    -- and in their policies may be anybody's code. What belongs to one table is followed at once, or
    -- not at all: until the rows are queued, nobody may believe that nothing has happened.
    for found in
        select distinct (r.declared).relation from sqlembed._renamed_embeddings() as r order by 1
    loop
        begin
            select
                array_agg((r.declared).id order by (r.declared).id),
                array_agg((r.declared).id) filter (where r.is_mixed_up),
                array_agg(
                    sqlembed._renamed_source(
                        (r.declared).relation, (r.declared).source, (r.declared).source_columns, r.source_columns
                    )
                    order by (r.declared).id
                )
            into renamed, mixed_up, sources
            from sqlembed._renamed_embeddings() as r
            where (r.declared).relation = found and sqlembed._lock_embedding((r.declared).id);

            for declared in select e.* from sqlembed._rename_embeddings(renamed, sources) as e
            loop
                -- What was written in between has not been noted, or with the wrong column in mind.
                perform sqlembed._note_missing(
                    declared, declared.relation::text, declared.id = any (coalesce(mixed_up, '{}'))
                );
                if declared.side is not null then
                    -- Nor what was deleted.
                    perform sqlembed._note_keys(declared.id, '{[]}');
                end if;
            end loop;
        exception
            when lock_not_available or insufficient_privilege then
                -- Next time, then, or by a worker that may read the table.
                null;
            when others then
                -- What is wrong with one table keeps no other from being followed.
                raise warning 'sqlembed: cannot follow the columns of %: %', found, sqlerrm;
        end;
    end loop;
end
$function$;

comment on function sqlembed._follow_columns() is
    'Follow columns of keys, sources and vectors that have other names or types now.';

revoke execute on function sqlembed._follow_columns() from public;
