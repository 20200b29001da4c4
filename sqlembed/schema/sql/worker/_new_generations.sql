create or replace function sqlembed._new_generations() returns setof sqlembed.embedding
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select e.*
    from sqlembed.embedding as e
    where e.queued_at is null and exists (select from pg_class as c where c.oid = e.relation)
    order by e.id
$function$;

comment on function sqlembed._new_generations() is
    'Generations whose rows have not been queued yet.';

revoke execute on function sqlembed._new_generations() from public;
