create or replace function sqlembed._side_keys(relation regclass, side regclass)
returns table ("position" integer, column_name name, side_name name, operator text)
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    -- By position: a column of the table that is renamed is still the same.
    select k.position::integer, a.attname, b.attname, sqlembed._equal_operator(k.operator_class)
    from pg_index as i
    join pg_index as j on j.indrelid = _side_keys.side and j.indisprimary
    cross join unnest(i.indkey, i.indclass) with ordinality as k (attnum, operator_class, position)
    join unnest(j.indkey) with ordinality as l (attnum, position) on l.position = k.position
    join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.attnum
    join pg_attribute as b on b.attrelid = j.indrelid and b.attnum = l.attnum
    where i.indrelid = _side_keys.relation and i.indisprimary and k.position <= i.indnkeyatts
    order by k.position
$function$;

comment on function sqlembed._side_keys(regclass, regclass) is
    'How the columns of a table''s primary key meet those of its side table.';
