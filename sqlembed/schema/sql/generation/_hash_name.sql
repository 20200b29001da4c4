create or replace function sqlembed._hash_name(present sqlembed.embedding) returns name
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    -- Of its own for good: a search that runs while generations are switched calls it by this name.
    select n.name
    from pg_class as c
    cross join lateral (
        select sqlembed._side_name(format('%s_%s_hash_%s', c.relname, (_hash_name.present).name, number)) as name, number
        from generate_series(2, 1000) as number
    ) as n
    where c.oid = (_hash_name.present).relation
        and not exists (
            select from pg_proc as p where p.pronamespace = c.relnamespace and p.proname = n.name
        )
    order by n.number
    limit 1
$function$;

comment on function sqlembed._hash_name(sqlembed.embedding) is
    'A name for the hash function of the next generation that no function has.';
