create or replace function sqlembed._column_numbers(relation regclass, columns name[]) returns smallint[]
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    select array(
        select a.attnum
        from unnest(_column_numbers.columns) with ordinality as c (name, position)
        left join pg_attribute as a
            on a.attrelid = _column_numbers.relation and a.attname = c.name and a.attnum > 0 and not a.attisdropped
        order by c.position
    )
$function$;

comment on function sqlembed._column_numbers(regclass, name[]) is
    'Numbers of columns, which they keep whatever they are called; NULL for one that is missing.';
