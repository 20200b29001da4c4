create or replace function sqlembed._num_clusters_range(num_rows bigint) returns integer[]
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
    select array(
        select c
        from unnest('{2,3,4,5,6,7,8,9,10,12,15,19,24,30,37,46,57,70,85,100}'::integer[]) as c
        where c <= greatest(2, 2 * sqlembed._default_num_clusters(_num_clusters_range.num_rows))
    )
$function$;

comment on function sqlembed._num_clusters_range(bigint) is
    'Numbers of clusters to try: each to 10, then in steps of a quarter, up to twice the root of half the number of rows and 100.';
