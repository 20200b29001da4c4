create or replace function sqlembed._kmeans_move(
    points public.vector[],
    inout centroids public.vector[],
    metric text,
    inout iterations integer,
    last_iteration integer,
    tolerance double precision,
    seed integer,
    inout gained double precision,
    out loss double precision,
    out losses double precision[]
)
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    -- A centroid goes so much further than to the mean of its points, which saves a third of the
    -- iterations; from 1 on it swings.
    overshoot constant public.vector := array_fill(0.8::real, array[public.vector_dims(_kmeans_move.points[1])]);
    means public.vector[];
    sizes bigint[];
    previous_sizes bigint[];
    previous_loss double precision;
    gain double precision;
    previous_gain double precision;
    -- The sum of all gains to come, if each shrinks as the last one has, but to three quarters at least:
    -- at first they shrink much faster than later.
    to_come double precision;
begin
    losses := '{}';
    while iterations < _kmeans_move.last_iteration loop
        iterations := iterations + 1;
        select array_agg(s.mean order by s.centroid_id), array_agg(s.cluster_size order by s.centroid_id),
            sum(
                sqlembed._loss_at_mean(
                    _kmeans_move.metric, s.cluster_size, s.sum_distance, s.sum_squared_distance,
                    centroids[s.centroid_id], s.mean
                )
            ) / cardinality(_kmeans_move.points)
        into means, sizes, loss
        from sqlembed._kmeans_step(null, _kmeans_move.points, centroids, _kmeans_move.metric) as s;
        losses := losses || loss;

        if array_position(means, null) is not null then
            centroids := sqlembed._kmeans_refill(
                null, _kmeans_move.points, centroids, means, _kmeans_move.metric, _kmeans_move.seed + iterations
            );
            means := centroids;
            previous_loss := null;
            previous_gain := null;
            continue;
        end if;
        gain := previous_loss - loss;
        gained := gained + coalesce(gain, 0);
        to_come := case when gain < previous_gain then gain * greatest(gain / (previous_gain - gain), 3) end;
        exit when loss <= 0 or gain <= 0 or to_come < _kmeans_move.tolerance * gained;
        centroids := case
            -- The first move comes from mere points; and when no point has changed sides, the means are
            -- where to stay.
            when iterations = 1 or sizes = previous_sizes then means
            else array(
                select case _kmeans_move.metric when 'cosine' then public.l2_normalize(m.ahead) else m.ahead end
                from (
                    select m.place,
                        m.mean operator(public.+) (m.mean operator(public.-) m.old) operator(public.*) overshoot as ahead
                    from unnest(means, centroids) with ordinality as m(mean, old, place)
                ) as m
                order by m.place
            )
        end;
        previous_loss := loss;
        previous_gain := gain;
        previous_sizes := sizes;
    end loop;
    centroids := coalesce(means, centroids);
end
$function$;

comment on function sqlembed._kmeans_move(
    public.vector[], public.vector[], text, integer, integer, double precision, integer, double precision
) is
    'Moves centroids to the means of the points nearest to them, again and again up to an iteration, or until all further iterations together promise less than tolerance of what has been gained since the first. Under cosine the points are unit vectors. The loss is that of a point on average; losses are those after each iteration.';
