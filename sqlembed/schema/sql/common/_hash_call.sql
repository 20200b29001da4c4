create or replace function sqlembed._hash_call(declared sqlembed.embedding, row_name text) returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    -- One of the table's owner, whatever others have put beside it.
    select format('%I.%I(%s.*)', n.nspname, p.proname, _hash_call.row_name)
    from pg_class as c
    join pg_proc as p
        on p.proname = (_hash_call.declared).hash_function
        and p.proowner = c.relowner
        and p.pronargs = 1
        and p.proargtypes[0] = c.reltype
    join pg_namespace as n on n.oid = p.pronamespace
    where c.oid = (_hash_call.declared).relation
    order by p.oid
    limit 1
$function$;

comment on function sqlembed._hash_call(sqlembed.embedding, text) is
    'SQL that gives the sha256 of a row''s present source, for an embedding with a side table. NULL when its function is gone.';
