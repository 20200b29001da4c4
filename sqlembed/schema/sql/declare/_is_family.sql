create or replace function sqlembed._is_family(relation regclass) returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    select exists (
        select from pg_class as c where c.oid = _is_family.relation and c.relkind = 'p'
    )
    or exists (
        select from pg_inherits as i where _is_family.relation in (i.inhrelid, i.inhparent)
    )
$function$;

comment on function sqlembed._is_family(regclass) is
    'Whether rows of a table may be written by statements on another one: its partitions, children or parents.';
