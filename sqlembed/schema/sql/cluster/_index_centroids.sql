create or replace function sqlembed._index_centroids(
    centroids public.vector[],
    metric text,
    centroid_ids integer[] default null
)
returns sqlembed.centroid_index
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    shuffled public.vector[];
    index sqlembed.centroid_index;
begin
    if cardinality(_index_centroids.centroids) <= 1000 then
        return null;
    end if;
    select array_agg(c.centroid order by sqlembed._uniform(c.place::text, 0), c.place)
    into shuffled
    from unnest(_index_centroids.centroids) with ordinality as c(centroid, place);
    execute format(
        $sql$
        select array_agg(c.center order by c.cell), array_agg(row(c.ids, c.centroids)::sqlembed.centroid_cell order by c.cell)
        from (
            select r.centroid_id as cell, %s as center, array_agg(coalesce($2[r.id::integer], r.id::integer) order by r.id::integer) as ids,
                array_agg(r.embedding order by r.id::integer) as centroids
            from (%s) as r
            group by r.centroid_id
        ) as c
        $sql$,
        case _index_centroids.metric when 'cosine' then 'public.l2_normalize(public.avg(r.embedding))' else 'public.avg(r.embedding)' end,
        sqlembed._nearest_sql(
            'select c.place::text as id, c.embedding from unnest($1) with ordinality as c(embedding, place)',
            _index_centroids.metric,
            (
                sqlembed._kmeans_fit(
                    shuffled, round(sqrt(cardinality(shuffled)))::integer, _index_centroids.metric, 6, 0.01, 0, null
                )
            ).centroids
        )
    )
    into index
    using _index_centroids.centroids, _index_centroids.centroid_ids;
    return index;
end
$function$;

comment on function sqlembed._index_centroids(public.vector[], text, integer[]) is
    'An index of more than 1000 centroids, by their numbers, or their places if no numbers are given: about as many cells as there are centroids in each; NULL for fewer, which are all looked at.';
