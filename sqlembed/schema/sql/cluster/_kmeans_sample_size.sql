create or replace function sqlembed._kmeans_sample_size(num_clusters integer, dimensions integer) returns integer
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
    -- 256 rows a cluster bring its mean so near to that of all its rows that the loss is 0.4 % higher, of
    -- which one move over all rows takes most back. The sample is an array: copies of more than 32 MB take
    -- ten times as long, for the allocator gives such blocks back each time; and 1 GB is the limit.
    select least(
        greatest(10000, 256 * _kmeans_sample_size.num_clusters),
        greatest(31000000 / size_of.vector, 128 * _kmeans_sample_size.num_clusters),
        256000000 / size_of.vector
    )
    from (select 4 * _kmeans_sample_size.dimensions + 8) as size_of(vector)
$function$;

comment on function sqlembed._kmeans_sample_size(integer, integer) is
    'How many rows a model is fitted on; where there are more, on a sample.';
