create or replace function sqlembed.nearest_centroids(
    name text,
    embedding public.halfvec,
    k integer default 5,
    numbers double precision[] default '{}'
)
returns table (centroid_id integer, distance double precision)
language sql
stable
strict
parallel safe
rows 5
as $function$
    select c.centroid_id, c.distance
    from sqlembed.nearest_centroids(
        nearest_centroids.name, nearest_centroids.embedding::public.vector, nearest_centroids.k, nearest_centroids.numbers
    ) as c
$function$;

comment on function sqlembed.nearest_centroids(text, public.halfvec, integer, double precision[]) is
    'The k clusters whose centroids are nearest to a vector, and their distances; none for NULL, and under cosine for a vector of zeros, which has no direction. numbers: those beside the vector, where the model has them, in their order.';
