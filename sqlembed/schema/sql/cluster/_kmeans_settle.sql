create or replace function sqlembed._kmeans_settle(
    rows text,
    points public.vector[],
    inout centroids public.vector[],
    metric text,
    seed integer,
    inout moves integer,
    out cluster_sizes bigint[],
    out cluster_radii double precision[],
    out loss double precision,
    out training_loss double precision[]
)
language plpgsql
volatile
as $function$
declare
    moves_left integer := _kmeans_settle.moves;
    means public.vector[];
begin
    moves := 0;
    training_loss := '{}';
    loop
        select pg_catalog.array_agg(s.mean order by s.centroid_id),
            pg_catalog.array_agg(s.cluster_size order by s.centroid_id),
            pg_catalog.array_agg(
                pg_catalog.sqrt(
                    s.sum_squared_distance operator(pg_catalog./)
                    case when s.cluster_size operator(pg_catalog.>) 0 then s.cluster_size end
                )
                order by s.centroid_id
            ),
            pg_catalog.sum(
                case when _kmeans_settle.metric operator(pg_catalog.=) 'cosine' then s.sum_distance
                    else s.sum_squared_distance
                end
            )
        into means, cluster_sizes, cluster_radii, loss
        from sqlembed._kmeans_step(_kmeans_settle.rows, _kmeans_settle.points, centroids, _kmeans_settle.metric) as s;
        training_loss := training_loss operator(pg_catalog.||) loss;
        -- A cluster that is still empty after three more moves stays so.
        exit when moves operator(pg_catalog.>=) moves_left
            and (
                0 operator(pg_catalog.<>) all (cluster_sizes)
                or moves operator(pg_catalog.>=) (moves_left operator(pg_catalog.+) 3)
            );
        moves := moves operator(pg_catalog.+) 1;
        if pg_catalog.array_position(means, null) is not null then
            means := sqlembed._kmeans_refill(
                _kmeans_settle.rows, _kmeans_settle.points, centroids, means, _kmeans_settle.metric,
                _kmeans_settle.seed operator(pg_catalog.-) moves
            );
        end if;
        centroids := means;
    end loop;
end
$function$;

comment on function sqlembed._kmeans_settle(text, public.vector[], public.vector[], text, integer, integer) is
    'Moves centroids to the means of their rows (id, embedding), or points when rows is NULL, so many times, and further while a cluster is empty; then measures the clusters: their rows, the root of their mean squared distance, and the loss, also before each move.';
