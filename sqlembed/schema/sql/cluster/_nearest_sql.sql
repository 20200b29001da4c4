create or replace function sqlembed._nearest_sql(
    rows text,
    metric text,
    centroids public.vector[],
    centroid_ids integer[] default null,
    index text default null
)
returns text
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $function$
declare
    -- Of unit vectors the inner product says the same as the cosine, without computing their lengths.
    operator text := case _nearest_sql.metric when 'cosine' then 'operator(public.<#>)' else 'operator(public.<->)' end;
    distances text;
    names text;
    choices text;
begin
    if cardinality(_nearest_sql.centroids) > 1000 then
        return sqlembed._nearest_in_cells_sql(_nearest_sql.rows, _nearest_sql.metric, _nearest_sql.index);
    end if;
    select
        string_agg(
            format('r.embedding %s %L::public.vector as d%s', operator, c.centroid, c.centroid_id),
            ', ' order by c.centroid_id
        ),
        string_agg(format('r.d%s', c.centroid_id), ', ' order by c.centroid_id),
        string_agg(
            format(
                'when r.d%s operator(pg_catalog.=) r.nearest then %s',
                c.centroid_id, coalesce(_nearest_sql.centroid_ids[c.centroid_id], c.centroid_id)
            ),
            ' ' order by c.centroid_id
        )
    into distances, names, choices
    from unnest(_nearest_sql.centroids) with ordinality as c(centroid, centroid_id);

    -- One expression a centroid takes a third of the time of a join with the centroids. The offsets keep
    -- the levels apart, so that each distance is computed once; written as a string, because a number
    -- there would need a cast and look to the planner like a limit, which forbids parallel plans.
    return format(
        $sql$
        select r.id, r.embedding, case %1$s %2$s end as centroid_id, %3$s as distance
        from (
            select r.id, r.embedding, %4$s, least(%4$s) as nearest
            from (
                select r.id, r.embedding, %5$s
                from (%6$s) as r
                offset '0'
            ) as r
            offset '0'
        ) as r
        $sql$,
        case when _nearest_sql.metric = 'cosine' then
            -- A vector of zeros has no direction. Its length is looked at only when it can be one.
            'when case
                when r.nearest operator(pg_catalog.=) 0 then public.vector_norm(r.embedding) operator(pg_catalog.=) 0
                else false
            end then null'
        end,
        choices,
        case when _nearest_sql.metric = 'cosine' then
            'greatest(1 operator(pg_catalog.+) r.nearest, 0)'
        else
            'r.nearest'
        end,
        names,
        distances,
        _nearest_sql.rows
    );
end
$function$;

comment on function sqlembed._nearest_sql(text, text, public.vector[], integer[], text) is
    'SQL that adds to rows (id, embedding) the number of the nearest centroid, its place if no numbers are given, and the distance to it; the distance under cosine is right for unit vectors. Both are NULL for NULL, the number also for a vector without direction. More than 1000 centroids are looked for in an index, the parameter of that name.';
