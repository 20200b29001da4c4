create or replace function sqlembed._generation(relation regclass, number smallint) returns text
language sql
stable
set search_path = pg_catalog
as $function$
    select format('(%s)::%s', pg_get_expr(d.adbin, d.adrelid), format_type(a.atttypid, a.atttypmod))
    from pg_catalog.pg_attrdef as d
    join pg_catalog.pg_attribute as a on a.attrelid = d.adrelid and a.attnum = d.adnum
    where d.adrelid = _generation.relation and d.adnum = _generation.number
$function$;

comment on function sqlembed._generation(regclass, smallint) is
    'What a generated column is made of, every name qualified that is not in pg_catalog.';
