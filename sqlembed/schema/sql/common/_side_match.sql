create or replace function sqlembed._side_match(relation regclass, side regclass, row_name text, side_name text)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    select string_agg(
        format('%s.%I %s %s.%I', _side_match.row_name, k.column_name, k.operator, _side_match.side_name, k.side_name),
        ' and '
        order by k.position
    )
    from sqlembed._side_keys(_side_match.relation, _side_match.side) as k
$function$;

comment on function sqlembed._side_match(regclass, regclass, text, text) is
    'The condition that a row and a row of the side table have the same key.';
