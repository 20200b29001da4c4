create or replace function sqlembed._partition_score(
    points public.vector[],
    centroids public.vector[],
    metric text,
    choose_by text
)
returns double precision
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    score double precision;
begin
    execute format(
        $sql$
        with point as materialized (%1$s),
        cluster as materialized (
            select p.centroid_id, public.avg(p.embedding) as mean, count(*)::float8 as size
            from point as p
            group by p.centroid_id
        ),
        spread as materialized (
            select c.centroid_id, c.mean, c.size, avg(p.embedding operator(public.<->) c.mean) as distance,
                avg((p.embedding operator(public.<->) c.mean) ^ 2) as variance
            from cluster as c
            join point as p on p.centroid_id = c.centroid_id
            group by c.centroid_id, c.mean, c.size
        )
        %2$s
        $sql$,
        sqlembed._nearest_sql(
            'select i::text as id, p as embedding from unnest($1) with ordinality as p(p, i)',
            _partition_score.metric, _partition_score.centroids
        ),
        case _partition_score.choose_by when 'davies_bouldin' then
            'select -avg(w.worst)
            from (
                select coalesce(max((a.distance + b.distance) / nullif(a.mean operator(public.<->) b.mean, 0)), 0) as worst
                from spread as a
                join spread as b on b.centroid_id <> a.centroid_id
                group by a.centroid_id
            ) as w'
        else
            -- The squared distances of a point to those of a cluster: on average that to the mean, and the
            -- variance around it. Its own cluster counts without itself.
            'select avg(case when s.is_alone then 0 else coalesce((s.other - s.own) / nullif(greatest(s.own, s.other), 0), 0) end)
            from (
                select min(d.distance) filter (where d.centroid_id <> p.centroid_id) as other,
                    min(d.distance * d.size / nullif(d.size - 1, 0)) filter (where d.centroid_id = p.centroid_id) as own,
                    bool_or(d.centroid_id = p.centroid_id and d.size = 1) as is_alone
                from point as p
                cross join lateral (
                    select c.centroid_id, c.size, (p.embedding operator(public.<->) c.mean) ^ 2 + c.variance as distance
                    from spread as c
                ) as d
                group by p.id
            ) as s'
        end
    )
    into score
    using _partition_score.points;
    return coalesce(score, '-infinity');
end
$function$;

comment on function sqlembed._partition_score(public.vector[], public.vector[], text, text) is
    'How well centroids divide points, the higher the better: the mean silhouette of squared distances, or the Davies-Bouldin index below zero. Under cosine the points are unit vectors.';
