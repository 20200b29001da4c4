create or replace function sqlembed._own_index(holder regclass, index_name name) returns regclass
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    select i.indexrelid::regclass
    from pg_index as i
    join pg_class as c on c.oid = i.indexrelid
    where i.indrelid = _own_index.holder and c.relname = _own_index.index_name
$function$;

comment on function sqlembed._own_index(regclass, name) is
    'The index of that name, if it is one of this table: the name may have been noted by anybody''s hand.';
