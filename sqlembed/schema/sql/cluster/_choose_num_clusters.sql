create or replace function sqlembed._choose_num_clusters(
    points public.vector[],
    metric text,
    choose_by text,
    candidates integer[],
    seed integer
)
returns integer
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    num_points constant integer := cardinality(_choose_num_clusters.points);
    to_try integer[] := array(select distinct c from unnest(_choose_num_clusters.candidates) as c where c <= num_points order by c);
    tried integer[] := '{}';
    candidate integer;
    centroids public.vector[];
    score double precision;
    best integer;
    best_score double precision;
begin
    -- A second time between the neighbours of the best.
    for turn in 1..2 loop
        foreach candidate in array to_try loop
            centroids := (
                sqlembed._kmeans_seed(
                    _choose_num_clusters.points, candidate, _choose_num_clusters.metric, _choose_num_clusters.seed, 1
                )
            ).chosen;
            exit when cardinality(centroids) < candidate;
            centroids := (
                sqlembed._kmeans_move(
                    _choose_num_clusters.points, centroids, _choose_num_clusters.metric, 0, 10, 0.02,
                    _choose_num_clusters.seed, 0
                )
            ).centroids;
            score := sqlembed._partition_score(
                _choose_num_clusters.points, centroids, _choose_num_clusters.metric, _choose_num_clusters.choose_by
            );
            if best is null or score > best_score then
                best := candidate;
                best_score := score;
            end if;
        end loop;
        exit when _choose_num_clusters.candidates <> sqlembed._num_clusters_range(num_points);
        tried := to_try;
        to_try := array(
            select c
            from generate_series(
                (select max(t) + 1 from unnest(tried) as t where t < best),
                (select min(t) - 1 from unnest(tried) as t where t > best)
            ) as c
            where c <> best
        );
    end loop;
    return best;
end
$function$;

comment on function sqlembed._choose_num_clusters(public.vector[], text, text, integer[], integer) is
    'The best of several numbers of clusters, by a fit of each to the points and its score.';
