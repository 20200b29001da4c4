create or replace function sqlembed._euclidean_silhouette_sql(rows text, sample_size integer) returns text
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
    select format(
        $sql$
        with sample as materialized (
            select r.embedding, r.centroid_id, pg_catalog.row_number() over () as number from (%s) as r
        )
        select pg_catalog.avg(
            case when s.own is not null and greatest(s.own, s.other) operator(pg_catalog.>) 0
                then (s.other operator(pg_catalog.-) s.own) operator(pg_catalog./) greatest(s.own, s.other)
                else 0
            end
        )
        from (
            select d.number, pg_catalog.max(d.distance) filter (where d.is_own) as own,
                pg_catalog.min(d.distance) filter (where not d.is_own) as other
            from (
                select a.number, a.centroid_id operator(pg_catalog.=) b.centroid_id as is_own,
                    pg_catalog.avg(a.embedding operator(public.<->) b.embedding) as distance
                from sample as a
                join sample as b on b.number operator(pg_catalog.<>) a.number
                group by a.number, a.centroid_id, b.centroid_id
            ) as d
            group by d.number
        ) as s
        -- The sample may have missed all other clusters.
        where s.other is not null
        $sql$,
        sqlembed._sampled_sql(_euclidean_silhouette_sql.rows, _euclidean_silhouette_sql.sample_size)
    )
$function$;

comment on function sqlembed._euclidean_silhouette_sql(text, integer) is
    'SQL of the mean silhouette of a sample of rows (id, embedding, centroid_id, distance) among themselves.';
