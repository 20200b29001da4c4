create or replace function sqlembed.centroids(name text)
returns table (centroid_id integer, centroid public.vector, cluster_size bigint, cluster_radius double precision)
language plpgsql
stable
parallel safe
rows 20
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform sqlembed._cluster_model(centroids.name);
    return query
        select c.centroid_id, c.centroid, c.cluster_size, c.cluster_radius
        from sqlembed.cluster_centroid as c
        where c.model = centroids.name
        order by c.centroid_id;
end
$function$;

comment on function sqlembed.centroids(text) is
    'The clusters of a model: number, centroid (the mean of its rows, under cosine their mean direction), rows when it was fitted, and the root of their mean squared distance to the centroid.';
