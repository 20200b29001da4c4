create or replace function sqlembed._side_key_lists(
    relation regclass,
    side regclass,
    out locked text,
    out made text,
    out written text,
    out match text
)
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    select
        string_agg(format('r.%I as key_%s', k.column_name, k.position), ', ' order by k.position),
        string_agg(format('c.key_%s', k.position), ', ' order by k.position),
        string_agg(quote_ident(k.side_name), ', ' order by k.position),
        string_agg(format('s.%I %s c.key_%s', k.side_name, k.operator, k.position), ' and ' order by k.position)
    from sqlembed._side_keys(_side_key_lists.relation, _side_key_lists.side) as k
$function$;

comment on function sqlembed._side_key_lists(regclass, regclass) is
    'How a worker''s statement says the key of a side table: of the row that it locks, as it is made of that, as it is written and as it is found again.';

revoke execute on function sqlembed._side_key_lists(regclass, regclass) from public;
