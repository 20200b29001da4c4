create or replace function sqlembed.centroids(name text)
returns table (
    centroid_id integer,
    centroid public.vector,
    cluster_size bigint,
    cluster_radius double precision,
    numbers double precision[]
)
language plpgsql
stable
parallel safe
rows 20
set search_path = pg_catalog, pg_temp
as $function$
declare
    model sqlembed.cluster_model := sqlembed._cluster_model(centroids.name);
    num_numbers constant integer := cardinality(model.number_means);
    width constant integer := model.dimensions - num_numbers;
begin
    if num_numbers = 0 then
        return query
            select c.centroid_id, c.centroid, c.cluster_size, c.cluster_radius, '{}'::double precision[]
            from sqlembed.cluster_centroid as c
            where c.model = centroids.name
            order by c.centroid_id;
        return;
    end if;
    return query
        select c.centroid_id,
            -- What a weight of 0 has taken away is nowhere.
            case when model.embedding_scale > 0 then
                public.subvector(c.centroid, 1, width)
                    operator(public.*) array_fill((1 / model.embedding_scale)::real, array[width])::public.vector
            end,
            c.cluster_size, c.cluster_radius,
            array(
                select n.mean + v.value / nullif(n.scale, 0)
                from unnest(model.number_means, model.number_scales) with ordinality as n(mean, scale, place)
                join unnest(public.subvector(c.centroid, width + 1, num_numbers)::real[]) with ordinality as v(value, place)
                    on v.place = n.place
                order by n.place
            )
        from sqlembed.cluster_centroid as c
        where c.model = centroids.name
        order by c.centroid_id;
end
$function$;

comment on function sqlembed.centroids(text) is
    'The clusters of a model: number, centroid (the mean of its rows, under cosine their mean direction), rows when it was fitted, and the root of their mean squared distance to the centroid; then the means of the numbers beside the vectors. Vectors and numbers are as the query gives them, unscaled; the radius is scaled.';
