create or replace function sqlembed._members(relation regclass) returns regclass[]
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    with recursive family as (
        select _members.relation::oid as member
        union
        select i.inhrelid
        from family as f
        join pg_inherits as i on i.inhparent = f.member and not i.inhdetachpending
        join pg_class as c on c.oid = i.inhrelid
        where c.relkind in ('r', 'p') and c.relpersistence <> 't'
    )
    select coalesce(array_agg(f.member::regclass order by f.member), '{}')
    from family as f
    where f.member <> _members.relation
$function$;

comment on function sqlembed._members(regclass) is
    'Partitions or inheritance children of a table, and theirs, without itself.';
