create or replace function sqlembed._key_names(relation regclass) returns name[]
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
begin
    -- In PL/pgSQL, which keeps the plan: it takes many times as long as the look-up.
    return array(
        select a.attname
        from pg_index as i
        cross join generate_series(1, i.indnkeyatts) as n (position)
        join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = i.indkey[n.position - 1]
        where i.indrelid = _key_names.relation and i.indisprimary
        order by n.position
    );
end
$function$;

comment on function sqlembed._key_names(regclass) is
    'The columns of a table''s primary key, in its order; none without one.';
