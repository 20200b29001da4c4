create or replace function sqlembed._default_num_clusters(num_rows bigint) returns integer
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
    select least(
        greatest(2, least(100, round(sqrt(_default_num_clusters.num_rows / 2.0)))),
        _default_num_clusters.num_rows
    )::integer
$function$;

comment on function sqlembed._default_num_clusters(bigint) is
    'A number of clusters that people can look through: the root of half the number of rows, from 2 to 100.';
