create or replace function sqlembed._kmeans_seed_in_cells(
    points public.vector[],
    num_clusters integer,
    metric text,
    seed integer
)
returns public.vector[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    centers public.vector[] := (
        sqlembed._kmeans_fit(
            _kmeans_seed_in_cells.points, round(sqrt(_kmeans_seed_in_cells.num_clusters))::integer,
            _kmeans_seed_in_cells.metric, 6, 0.01, _kmeans_seed_in_cells.seed, null
        )
    ).centroids;
    surplus double precision;
    cell record;
    found record;
    chosen public.vector[];
    gains double precision[];
begin
    -- Of half as many again as they would need, unless some cells are short of different points.
    foreach surplus in array '{1.5,infinity}'::double precision[] loop
        chosen := '{}';
        gains := '{}';
        for cell in execute format(
            $sql$
            select array_agg(r.embedding) as points, sum(%1$s) / (sum(sum(%1$s)) over () + 1e-30::float8) as share
            from (%2$s) as r
            group by r.centroid_id
            order by r.centroid_id
            $sql$,
            case _kmeans_seed_in_cells.metric when 'cosine' then 'r.distance' else 'r.distance ^ 2' end,
            sqlembed._nearest_sql(
                'select null::text as id, unnest($1) as embedding', _kmeans_seed_in_cells.metric, centers
            )
        )
        using _kmeans_seed_in_cells.points
        loop
            found := sqlembed._kmeans_seed(
                cell.points,
                least(
                    3 + ceil(surplus * cell.share * _kmeans_seed_in_cells.num_clusters), cardinality(cell.points)
                )::integer,
                _kmeans_seed_in_cells.metric, _kmeans_seed_in_cells.seed, 1
            );
            chosen := chosen || found.chosen;
            gains := gains || array(
                select min(g.gain) over (order by g.place)
                from (
                    select l.place, coalesce(lag(l.loss) over (order by l.place) - l.loss, 'infinity') as gain
                    from unnest(found.losses) with ordinality as l(loss, place)
                ) as g
                order by g.place
            );
        end loop;
        exit when cardinality(chosen) >= _kmeans_seed_in_cells.num_clusters;
    end loop;
    return array(
        select c.point
        from unnest(chosen, gains) with ordinality as c(point, gain, place)
        order by c.gain desc, c.place
        limit _kmeans_seed_in_cells.num_clusters
    );
end
$function$;

comment on function sqlembed._kmeans_seed_in_cells(public.vector[], integer, text, integer) is
    'First centroids where many are wanted: greedy k-means++ in each of some cells of the points, and of all these the ones that take most of the loss away. Fewer than num_clusters when there are not so many different points.';
