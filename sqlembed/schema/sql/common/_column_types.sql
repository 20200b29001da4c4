create or replace function sqlembed._column_types(relation regclass, columns name[]) returns regtype[]
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    select array_agg(a.atttypid::regtype order by c.position)
    from unnest(_column_types.columns) with ordinality as c (name, position)
    join pg_attribute as a on a.attrelid = _column_types.relation and a.attname = c.name and not a.attisdropped
$function$;

comment on function sqlembed._column_types(regclass, name[]) is
    'The types of columns of a table.';
