create or replace function sqlembed._index_parameters(options jsonb) returns text[]
language sql
immutable
set search_path = pg_catalog, pg_temp
as $function$
    select array(
        select format('%s=%s', o.key, o.value)
        from jsonb_each_text(_index_parameters.options) as o
        where o.key in ('m', 'ef_construction')
        order by o.key
    )
$function$;

comment on function sqlembed._index_parameters(jsonb) is
    'Storage parameters of an HNSW index, as its options say them.';
