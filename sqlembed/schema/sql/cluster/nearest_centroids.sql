create or replace function sqlembed.nearest_centroids(
    name text,
    embedding public.vector,
    k integer default 5,
    numbers double precision[] default '{}'
)
returns table (centroid_id integer, distance double precision)
language plpgsql
stable
strict
parallel safe
rows 5
set search_path = pg_catalog, pg_temp
as $function$
declare
    model sqlembed.cluster_model := sqlembed._cluster_model(nearest_centroids.name);
    features public.vector := sqlembed._features(
        nearest_centroids.name, nearest_centroids.embedding, nearest_centroids.numbers
    );
begin
    perform sqlembed._check_dimensions(
        model.name, public.vector_dims(nearest_centroids.embedding), cardinality(nearest_centroids.numbers)
    );
    if nearest_centroids.k < 1 then
        raise exception 'sqlembed: k => % is less than 1', nearest_centroids.k
            using errcode = 'SE014', hint = 'k is the number of centroids to return.';
    end if;
    return query
        select c.centroid_id, d.distance
        from sqlembed.cluster_centroid as c
        cross join lateral (
            select case model.metric when 'cosine' then c.centroid operator(public.<=>) features
                else c.centroid operator(public.<->) features
            end as distance
        ) as d
        where c.model = model.name
            -- A vector of zeros has no direction.
            and d.distance <> 'nan'
        order by d.distance, c.centroid_id
        limit nearest_centroids.k;
end
$function$;

comment on function sqlembed.nearest_centroids(text, public.vector, integer, double precision[]) is
    'The k clusters whose centroids are nearest to a vector, and their distances; none for NULL, and under cosine for a vector of zeros, which has no direction. numbers: those beside the vector, where the model has them, in their order.';
