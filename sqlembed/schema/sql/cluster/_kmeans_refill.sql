create or replace function sqlembed._kmeans_refill(
    rows text,
    points public.vector[],
    centroids public.vector[],
    means public.vector[],
    metric text,
    seed integer
)
returns public.vector[]
language plpgsql
volatile
as $function$
declare
    index sqlembed.centroid_index := sqlembed._index_centroids(_kmeans_refill.centroids, _kmeans_refill.metric);
    far public.vector[];
    place integer := 0;
    filled public.vector[] := _kmeans_refill.means;
begin
    execute pg_catalog.format(
        $sql$
        select pg_catalog.array_agg(f.embedding order by f.race, f.id collate pg_catalog."C", f.embedding)
        from (
            select r.id, r.embedding,
                operator(pg_catalog.-) pg_catalog.ln(sqlembed._uniform(coalesce(r.id, ''), %s)) operator(pg_catalog./) %s as race
            from (%s) as r
            where r.distance operator(pg_catalog.>) %s
            order by race, r.id collate pg_catalog."C", r.embedding
            limit %s
        ) as f
        $sql$,
        _kmeans_refill.seed,
        case when _kmeans_refill.metric operator(pg_catalog.=) 'cosine' then
            'r.distance'
        else
            '(r.distance operator(pg_catalog.*) r.distance)'
        end,
        sqlembed._nearest_sql(
            coalesce(
                _kmeans_refill.rows,
                'select pg_catalog.generate_subscripts($1, 1)::pg_catalog.text as id, pg_catalog.unnest($1) as embedding'
            ),
            _kmeans_refill.metric,
            _kmeans_refill.centroids,
            index => '$2'
        ),
        case when _kmeans_refill.metric operator(pg_catalog.=) 'cosine' then '5e-7' else '0' end,
        pg_catalog.cardinality(pg_catalog.array_positions(_kmeans_refill.means, null))
    )
    into far
    using _kmeans_refill.points, index;
    for centroid_id in 1..pg_catalog.cardinality(filled) loop
        if filled[centroid_id] is null then
            place := place operator(pg_catalog.+) 1;
            filled[centroid_id] := coalesce(far[place], _kmeans_refill.centroids[centroid_id]);
        end if;
    end loop;
    return filled;
end
$function$;

comment on function sqlembed._kmeans_refill(text, public.vector[], public.vector[], public.vector[], text, integer) is
    'The means with vectors of the rows (id, embedding), or of the points when rows is NULL, in place of those that are NULL; drawn as k-means++ draws: with the squared distance to the nearest centroid as weight.';
