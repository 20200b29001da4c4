create or replace function sqlembed._failed_keys(most integer)
returns table (embedding integer, relation regclass, keys jsonb[])
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select e.id, e.relation, f.keys
    from sqlembed.embedding as e
    cross join lateral (
        select array_agg(f.key) as keys
        from (
            select f.key
            from sqlembed.failed_job as f
            where f.embedding = e.id
            order by random()
            limit _failed_keys.most
        ) as f
    ) as f
    where f.keys is not null
$function$;

comment on function sqlembed._failed_keys(integer) is
    'Some of the rows that were given up.';

revoke execute on function sqlembed._failed_keys(integer) from public;
