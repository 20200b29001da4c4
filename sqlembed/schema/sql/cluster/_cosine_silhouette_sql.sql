create or replace function sqlembed._cosine_silhouette_sql(rows text, sample_size integer) returns text
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
    -- Between unit vectors the mean distance to all rows of a cluster is that to their mean, as an inner
    -- product; of a row's own cluster all but itself count.
    select format(
        $sql$
        select pg_catalog.avg(
            case when s.size operator(pg_catalog.>) 1 and greatest(s.own, s.other) operator(pg_catalog.>) 0
                then (s.other operator(pg_catalog.-) s.own) operator(pg_catalog./) greatest(s.own, s.other)
                else 0
            end
        )
        from (
            select d.number, pg_catalog.max(d.size) filter (where d.is_own) as size,
                pg_catalog.max(
                    d.distance operator(pg_catalog.*) d.size operator(pg_catalog./)
                    case when d.size operator(pg_catalog.>) 1 then d.size operator(pg_catalog.-) 1 end
                ) filter (where d.is_own) as own,
                pg_catalog.min(d.distance) filter (where not d.is_own) as other
            from (
                select r.number, c.size, r.centroid_id operator(pg_catalog.=) c.centroid_id as is_own,
                    1 operator(pg_catalog.+) (r.embedding operator(public.<#>) c.mean) as distance
                from (
                    select r.embedding, r.centroid_id, pg_catalog.row_number() over () as number from (%s) as r
                ) as r
                cross join rows from (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3)) as c(centroid_id, mean, size)
            ) as d
            group by d.number
        ) as s
        $sql$,
        sqlembed._sampled_sql(_cosine_silhouette_sql.rows, _cosine_silhouette_sql.sample_size)
    )
$function$;

comment on function sqlembed._cosine_silhouette_sql(text, integer) is
    'SQL of the mean silhouette of a sample of rows (id, embedding, centroid_id, distance) against all; $1: the clusters, $2: the means of their rows, unit vectors, $3: their numbers of rows.';
