create or replace function sqlembed._follow_columns() returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
set lock_timeout = '200ms'
as $function$
declare
    changed record;
    renamed integer[];
    sources text[];
    declared sqlembed.embedding;
begin
    -- Table by table: what its owner has locked or broken keeps no other from being followed. Those of
    -- one table together, because two vector columns may have changed their names with each other.
    for changed in
        select
            (r.declared).relation,
            array_agg((r.declared).id) as embeddings,
            array_agg((r.declared).id) filter (where r.is_mixed_up) as mixed_up
        from sqlembed._renamed_embeddings() as r
        group by (r.declared).relation
    loop
        begin
            -- With the rights of the worker, which may read the tables: what stands in them, in their
            -- sources and in their policies may be anybody's code.
            select
                array_agg((r.declared).id order by (r.declared).id),
                array_agg(
                    sqlembed._renamed_source(
                        (r.declared).relation, (r.declared).source, (r.declared).source_columns, r.source_columns
                    )
                    order by (r.declared).id
                )
            into renamed, sources
            from sqlembed._renamed_embeddings() as r
            where (r.declared).id = any (changed.embeddings);

            for declared in select e.* from sqlembed._rename_embeddings(renamed, sources) as e
            loop
                begin
                    -- What was written in between has not been noted, or with the wrong column in mind.
                    execute format(
                        'select sqlembed._note_keys(%s, array_agg(%s)) from %s as r where not (%s) or %L',
                        declared.id, declared.key_expression, declared.relation, sqlembed._vector_test(declared, 'r'),
                        declared.id = any (coalesce(changed.mixed_up, '{}'))
                    );
                exception when lock_not_available or insufficient_privilege then
                    -- By another worker, then: this one cannot serve the table either.
                    null;
                end;
            end loop;
        exception
            when lock_not_available then
                -- Next time, then.
                null;
            when others then
                raise warning 'sqlembed: cannot follow the columns of %: %', changed.relation, sqlerrm;
        end;
    end loop;
end
$function$;

comment on function sqlembed._follow_columns() is
    'Follow columns of keys, sources and vectors that have other names or types now.';

revoke execute on function sqlembed._follow_columns() from public;
