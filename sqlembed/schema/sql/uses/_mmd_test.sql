create or replace function sqlembed._mmd_test(
    baseline public.vector[],
    present public.vector[],
    permutations integer,
    seed integer,
    out mmd double precision,
    out p_value double precision
)
language plpgsql
stable
-- The kernel is one vector a row, and every permutation reads all of it.
set search_path = pg_catalog, pg_temp
set jit = off
as $function$
declare
    num_baseline double precision := cardinality(_mmd_test.baseline);
    num_present double precision := cardinality(_mmd_test.present);
    bandwidth double precision;
    kernel public.vector[];
    found record;
begin
    -- As Gretton et al. 2012 choose it: the median distance of all pairs.
    select percentile_cont(0.5) within group (order by a.vector operator(public.<->) b.vector)
    into bandwidth
    from unnest(_mmd_test.baseline || _mmd_test.present) with ordinality as a (vector, number)
    join unnest(_mmd_test.baseline || _mmd_test.present) with ordinality as b (vector, number) on a.number < b.number;
    -- More than half of the rows are the same.
    bandwidth := coalesce(nullif(bandwidth, 0), 1);
    kernel := array(
        select (
            select array_agg(
                case
                    when a.number = b.number then 0
                    else exp(-((a.vector operator(public.<->) b.vector) ^ 2) / (2 * bandwidth ^ 2))
                end::real
                order by b.number
            )::public.vector
            from unnest(_mmd_test.baseline || _mmd_test.present) with ordinality as b (vector, number)
        )
        from unnest(_mmd_test.baseline || _mmd_test.present) with ordinality as a (vector, number)
        order by a.number
    );
    with entry as materialized (
        select k.kernel_row, k.number, -(k.kernel_row operator(public.<#>) ones.vector) as row_sum
        from unnest(kernel) with ordinality as k (kernel_row, number)
        cross join (
            select array_fill(1::real, array[cardinality(kernel)])::public.vector as vector
        ) as ones
    ),
    shuffled as (
        -- 0 is how it is; every other permutation deals the rows out anew.
        select p.permutation, e.number,
            row_number() over (
                partition by p.permutation
                order by
                    case when p.permutation > 0 then hashint8extended(e.number, _mmd_test.seed::bigint * 1000003 + p.permutation) end,
                    e.number
            ) <= num_baseline as is_baseline
        from generate_series(0, _mmd_test.permutations) as p (permutation)
        cross join entry as e
    ),
    dealt as materialized (
        select s.permutation, array_agg(s.is_baseline::integer order by s.number)::public.vector as is_baseline
        from shuffled as s
        group by s.permutation
    ),
    summed as (
        select d.permutation,
            sum(t.to_baseline) filter (where t.is_baseline) as within_baseline,
            sum(t.to_baseline) filter (where not t.is_baseline) as across,
            sum(e.row_sum - t.to_baseline) filter (where not t.is_baseline) as within_present
        from dealt as d
        cross join lateral unnest(d.is_baseline::real[]) with ordinality as m (mark, number)
        join entry as e on e.number = m.number
        cross join lateral (
            select -(e.kernel_row operator(public.<#>) d.is_baseline) as to_baseline, m.mark = 1 as is_baseline
        ) as t
        group by d.permutation
    ),
    statistic as (
        -- The unbiased estimate, which can be a little below 0.
        select s.permutation,
            s.within_baseline / (num_baseline * (num_baseline - 1))
            + s.within_present / (num_present * (num_present - 1))
            - 2 * s.across / (num_baseline * num_present) as value
        from summed as s
    )
    select
        (select s.value from statistic as s where s.permutation = 0) as value,
        (1 + count(*) filter (where s.permutation > 0 and s.value >= o.value))::double precision
        / (1 + _mmd_test.permutations) as share
    into found
    from statistic as s
    cross join (select s.value from statistic as s where s.permutation = 0) as o;
    mmd := found.value;
    p_value := found.share;
end
$function$;

comment on function sqlembed._mmd_test(public.vector[], public.vector[], integer, integer) is
    'The squared maximum mean discrepancy of two samples (Gaussian kernel, unbiased) and how often a random division of all of them has as much.';
