create or replace function sqlembed._lacking_grants() returns table (side regclass, reader text)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select e.side, r.reader
    from sqlembed.embedding as e
    cross join lateral sqlembed._side_readers(e.relation, e.side) as r (reader)
    where e.side is not null
$function$;

comment on function sqlembed._lacking_grants() is
    'Roles, as SQL text, that were granted a table and not its side table.';

revoke execute on function sqlembed._lacking_grants() from public;
