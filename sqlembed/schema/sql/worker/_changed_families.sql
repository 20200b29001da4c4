create or replace function sqlembed._changed_families() returns setof sqlembed.embedding
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select e.*
    from sqlembed.embedding as e
    cross join lateral sqlembed._present_columns(e) as p
    where (
            sqlembed._members(e.relation) <> e.members
            or exists (select from sqlembed._unattached(e) as u where u.state <> 'disabled')
        )
        and exists (select from pg_class as c where c.oid = e.relation)
        -- A source that has lost a column can only be declared anew.
        and array_position(p.source, null) is null
    order by e.id
$function$;

comment on function sqlembed._changed_families() is
    'Embeddings of tables that have other partitions or children than they had, or lack a trigger.';

revoke execute on function sqlembed._changed_families() from public;
