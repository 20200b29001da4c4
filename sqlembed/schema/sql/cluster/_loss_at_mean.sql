create or replace function sqlembed._loss_at_mean(
    metric text,
    cluster_size bigint,
    sum_distance double precision,
    sum_squared_distance double precision,
    centroid public.vector,
    mean public.vector
)
returns double precision
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
    select case
        when _loss_at_mean.metric <> 'cosine' then _loss_at_mean.sum_squared_distance
            - _loss_at_mean.cluster_size * (_loss_at_mean.mean operator(public.<->) _loss_at_mean.centroid) ^ 2
        -- The sum of n unit vectors has the direction of the mean, and the inner product n - sum_distance
        -- with the centroid.
        when _loss_at_mean.mean operator(public.<#>) _loss_at_mean.centroid < -0.001 then _loss_at_mean.cluster_size
            + (_loss_at_mean.cluster_size - _loss_at_mean.sum_distance)
            / (_loss_at_mean.mean operator(public.<#>) _loss_at_mean.centroid)
        else _loss_at_mean.sum_distance
    end
$function$;

comment on function sqlembed._loss_at_mean(text, bigint, double precision, double precision, public.vector, public.vector) is
    'Loss of a cluster once its centroid has moved to the mean of its rows, from their distances to where it was. It falls from one iteration to the next also where centroids go further than to the mean.';
