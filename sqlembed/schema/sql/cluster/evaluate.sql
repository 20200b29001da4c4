create or replace function sqlembed.evaluate(
    name text,
    query text default null,
    sample_size integer default 2000,
    out davies_bouldin_index double precision,
    out mean_squared_distance double precision,
    out silhouette double precision
)
language plpgsql
stable
set jit = off
-- Else thousands of centroids are read from disk again for each of them.
set work_mem = '64MB'
as $function$
declare
    model sqlembed.cluster_model := sqlembed._cluster_model(evaluate.name);
    index sqlembed.centroid_index := sqlembed._model_index(model.name);
    rows pg_catalog.text;
    ids integer[];
    means public.vector[];
    sizes double precision[];
    state pg_catalog.text;
    problem pg_catalog.text;
    detail pg_catalog.text;
    hint pg_catalog.text;
begin
    if evaluate.sample_size operator(pg_catalog.<) 1 then
        raise exception 'sqlembed: sample_size => % is less than 1', evaluate.sample_size
            using errcode = 'SE014', hint = 'It is the number of rows whose silhouettes are averaged; NULL takes all.';
    end if;
    rows := pg_catalog.format(
        'select r.* from (%s) as r where r.centroid_id is not null',
        sqlembed._assigned_sql(model.name, coalesce(evaluate.query, sqlembed._model_query(model)), true, '$4')
    );
    -- avg() adds in double precision, sum() does not.
    execute pg_catalog.format(
        $sql$
        select pg_catalog.array_agg(c.centroid_id order by c.centroid_id), pg_catalog.array_agg(c.mean order by c.centroid_id),
            pg_catalog.array_agg(c.size::double precision order by c.centroid_id),
            pg_catalog.sum(c.sum_squared_distance) operator(pg_catalog./) pg_catalog.sum(c.size)::double precision
        from (
            select r.centroid_id, public.avg(r.embedding) as mean, pg_catalog.count(*) as size,
                pg_catalog.sum(r.distance operator(pg_catalog.*) r.distance) as sum_squared_distance
            from (%s) as r
            group by r.centroid_id
        ) as c
        $sql$,
        rows
    )
    into ids, means, sizes, mean_squared_distance
    using ids, means, sizes, index;
    if pg_catalog.cardinality(ids) operator(pg_catalog.>) 1 then
        execute sqlembed._davies_bouldin_sql(rows) into davies_bouldin_index using ids, means, sizes, index;
        execute case
            when model.metric operator(pg_catalog.=) 'cosine' then sqlembed._cosine_silhouette_sql(rows, evaluate.sample_size)
            else sqlembed._euclidean_silhouette_sql(rows, evaluate.sample_size)
        end
        into silhouette
        using ids, means, sizes, index;
    end if;
exception
    when others or query_canceled then
        get stacked diagnostics
            state = returned_sqlstate, problem = message_text, detail = pg_exception_detail, hint = pg_exception_hint;
        perform sqlembed._explain_dimensions(evaluate.name, state, problem);
        perform sqlembed._raise_briefly(state, problem, detail, hint);
end
$function$;

comment on function sqlembed.evaluate(text, text, integer) is
    'How good the clusters of a model are, for the rows of its own query or of another: the Davies-Bouldin index (the lower the better), the mean squared distance to the nearest centroid, and the mean silhouette (-1 to 1) of so many rows, of all when NULL. Davies-Bouldin is measured by euclidean distances, under cosine between unit vectors; the others by the distance of the model''s metric. Silhouettes under euclidean are held against the rows of the sample alone. NULL for a single cluster.';
