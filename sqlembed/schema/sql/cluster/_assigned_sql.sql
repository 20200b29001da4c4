create or replace function sqlembed._assigned_sql(name text, query text, with_distances boolean, index text default '$1') returns text
language plpgsql
stable
as $function$
declare
    model sqlembed.cluster_model := sqlembed._cluster_model(_assigned_sql.name);
    rows pg_catalog.text := sqlembed._model_rows(_assigned_sql.name, _assigned_sql.query);
    found record;
begin
    select pg_catalog.array_agg(c.centroid order by c.centroid_id) as centroids,
        pg_catalog.array_agg(c.centroid_id order by c.centroid_id) as ids
    into found
    from sqlembed.cluster_centroid as c
    where c.model operator(pg_catalog.=) model.name;
    return sqlembed._nearest_sql(
        case when _assigned_sql.with_distances and model.metric operator(pg_catalog.=) 'cosine' then
            pg_catalog.format('select r.id, public.l2_normalize(r.embedding) as embedding from (%s) as r', rows)
        else
            rows
        end,
        model.metric, found.centroids, found.ids, _assigned_sql.index
    );
end
$function$;

comment on function sqlembed._assigned_sql(text, text, boolean, text) is
    'SQL that gives the rows of a query as (id, embedding) with the number of the nearest centroid of a model and the distance to it, which under cosine is right only when asked for. The parameter of the name index is to be the model''s _model_index.';
