create or replace function sqlembed._forget_failures() returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    declared record;
begin
    delete from sqlembed.failed_job as f
    where f.embedding not in (select e.id from sqlembed.embedding as e);
    for declared in
        select e.id, e.relation, k.match
        from sqlembed.embedding as e
        cross join lateral sqlembed._key_sql(e.relation) as k
        where exists (select from sqlembed.failed_job as f where f.embedding = e.id)
    loop
        begin
            -- Some of them each time, so that it never takes long.
            execute format(
                'delete from sqlembed.failed_job as f
                where f.ctid = any (
                    array(
                        select l.ctid
                        from (
                            select f.key from sqlembed.failed_job as f where f.embedding = %1$s order by random() limit 1000
                        ) as k
                        join sqlembed.failed_job as l on l.embedding = %1$s and l.key = k.key
                        where not exists (select from %2$s as r where %3$s)
                        for update of l skip locked
                    )
                )',
                declared.id, declared.relation, declared.match
            );
        exception when undefined_table or insufficient_privilege or data_exception then
            -- Dropped a moment ago, not readable for this role, or a key of another type than it
            -- was: the worker says so when it serves the table.
            null;
        end;
    end loop;
end
$function$;

comment on function sqlembed._forget_failures() is
    'Forget failures of rows that are gone.';

revoke execute on function sqlembed._forget_failures() from public;
