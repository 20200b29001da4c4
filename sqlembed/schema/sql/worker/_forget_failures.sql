create or replace function sqlembed._forget_failures() returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    failed record;
begin
    -- Some of them each time, so that it never takes long. With the rights of the worker, which may
    -- read the tables.
    for failed in
        select f.embedding, f.relation, f.keys, k.match
        from sqlembed._failed_keys(1000) as f
        cross join lateral sqlembed._key_sql(f.relation) as k
    loop
        begin
            execute format(
                'select sqlembed._forget_failed(%s, array_agg(k.key))
                from unnest($1) as k (key)
                where not exists (select from %s as r where %s)',
                failed.embedding, failed.relation, failed.match
            )
            using failed.keys;
        exception
            when undefined_table or insufficient_privilege or data_exception then
                -- Dropped a moment ago, not readable for this role, or a key of another type than it
                -- was: the worker says so when it serves the table.
                null;
            when others then
                raise warning 'sqlembed: cannot look for failures of rows of % that are gone: %', failed.relation, sqlerrm;
        end;
    end loop;
end
$function$;

comment on function sqlembed._forget_failures() is
    'Forget failures of rows that are gone.';

revoke execute on function sqlembed._forget_failures() from public;
