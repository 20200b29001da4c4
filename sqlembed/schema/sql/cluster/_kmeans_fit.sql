create or replace function sqlembed._kmeans_fit(
    points public.vector[],
    num_clusters integer,
    metric text,
    max_iterations integer,
    min_rel_progress double precision,
    seed integer,
    previous public.vector[],
    out centroids public.vector[],
    out iterations integer,
    out training_loss double precision[],
    out training_rows bigint[]
)
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    num_points constant integer := cardinality(_kmeans_fit.points);
    -- The points lie in random order. Of 60 a cluster first centroids come out 2 percent better than of 20,
    -- which must do where there are many. Most of the way can be made on a quarter of the points.
    first_points constant public.vector[] := _kmeans_fit.points[
        1:greatest(2000, least(60 * _kmeans_fit.num_clusters, 20000), 20 * _kmeans_fit.num_clusters)
    ];
    quarter constant public.vector[] := _kmeans_fit.points[1:greatest(num_points / 4, 2000, 32 * _kmeans_fit.num_clusters)];
    -- One start in twenty is a percent worse than the others; with many clusters they differ less.
    num_attempts constant integer := case
        when _kmeans_fit.max_iterations = 1 and cardinality(_kmeans_fit.previous) > 0 then 0
        when _kmeans_fit.max_iterations > 1 then least(greatest(1, 150 / _kmeans_fit.num_clusters), 3, num_points)
        else 1
    end;
    first_centroids public.vector[];
    moved record;
    best record;
    best_loss double precision;
begin
    centroids := '{}';
    iterations := 0;
    training_loss := '{}';
    training_rows := '{}';
    if num_points = 0 then
        return;
    end if;
    if cardinality(_kmeans_fit.previous) > 0 then
        -- Where clusters have been they stay, unless a fresh start is better by more than chance.
        best := sqlembed._kmeans_move(
            quarter, _kmeans_fit.previous, _kmeans_fit.metric, 0, _kmeans_fit.max_iterations / 2,
            5 * _kmeans_fit.min_rel_progress, _kmeans_fit.seed, 0
        );
        best_loss := best.loss * 0.97;
    end if;
    for attempt in 1..num_attempts loop
        -- Above, choosing them one after the other among all points would take minutes.
        if cardinality(first_points) * _kmeans_fit.num_clusters::bigint > 40000000 then
            first_centroids := sqlembed._kmeans_seed_in_cells(
                _kmeans_fit.points, _kmeans_fit.num_clusters, _kmeans_fit.metric, _kmeans_fit.seed
            );
        else
            first_centroids := (
                sqlembed._kmeans_seed(
                    first_points, _kmeans_fit.num_clusters, _kmeans_fit.metric, _kmeans_fit.seed, attempt
                )
            ).chosen;
            if cardinality(first_centroids) < _kmeans_fit.num_clusters and cardinality(first_points) < num_points then
                first_centroids := (
                    sqlembed._kmeans_seed(
                        _kmeans_fit.points, _kmeans_fit.num_clusters, _kmeans_fit.metric, _kmeans_fit.seed, attempt
                    )
                ).chosen;
            end if;
        end if;
        moved := sqlembed._kmeans_move(
            quarter, first_centroids, _kmeans_fit.metric, 0, _kmeans_fit.max_iterations / 2,
            5 * _kmeans_fit.min_rel_progress, _kmeans_fit.seed, 0
        );
        if best_loss is null or moved.loss < best_loss then
            best := moved;
            best_loss := moved.loss;
        end if;
    end loop;
    training_loss := best.losses;
    training_rows := array_fill(cardinality(quarter)::bigint, array[cardinality(best.losses)]);
    best := sqlembed._kmeans_move(
        _kmeans_fit.points, best.centroids, _kmeans_fit.metric, best.iterations, _kmeans_fit.max_iterations,
        _kmeans_fit.min_rel_progress, _kmeans_fit.seed, best.gained
    );
    centroids := best.centroids;
    iterations := best.iterations;
    training_loss := training_loss || best.losses;
    training_rows := training_rows || array_fill(num_points::bigint, array[cardinality(best.losses)]);
end
$function$;

comment on function sqlembed._kmeans_fit(public.vector[], integer, text, integer, double precision, integer, public.vector[]) is
    'Centroids of points in random order, and the iterations they took, with the loss of a point on average and the number of points of each: from the best of several starts on a part of the points, moved on over all. One start is from previous centroids, if there are so many, and another must be better by 3 percent. Fewer than num_clusters when there are not so many different points. Under cosine the points are unit vectors.';
