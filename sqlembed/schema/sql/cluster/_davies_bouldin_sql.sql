create or replace function sqlembed._davies_bouldin_sql(rows text) returns text
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
    select format(
        $sql$
        with cluster as materialized (
            select c.centroid_id, c.mean, s.distance
            from rows from (pg_catalog.unnest($1), pg_catalog.unnest($2)) as c(centroid_id, mean)
            join (
                select r.centroid_id, pg_catalog.avg(r.embedding operator(public.<->) m.mean) as distance
                from (%s) as r
                join rows from (pg_catalog.unnest($1), pg_catalog.unnest($2)) as m(centroid_id, mean) on m.centroid_id operator(pg_catalog.=) r.centroid_id
                group by r.centroid_id
            ) as s on s.centroid_id operator(pg_catalog.=) c.centroid_id
        )
        select pg_catalog.avg(w.worst)
        from (
            select coalesce(
                pg_catalog.max(
                    p.distance operator(pg_catalog./) case when p.gap operator(pg_catalog.>) 0::double precision then p.gap end
                ),
                0
            ) as worst
            from (
                select a.centroid_id, a.distance operator(pg_catalog.+) b.distance as distance,
                    a.mean operator(public.<->) b.mean as gap
                from cluster as a
                join cluster as b on b.centroid_id operator(pg_catalog.<>) a.centroid_id
                offset '0'
            ) as p
            group by p.centroid_id
        ) as w
        $sql$,
        _davies_bouldin_sql.rows
    )
$function$;

comment on function sqlembed._davies_bouldin_sql(text) is
    'SQL of the Davies-Bouldin index of rows (id, embedding, centroid_id); $1: the clusters, $2: the means of their rows.';
