create or replace function sqlembed._assigned_sql(name text, rows text, with_distances boolean) returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    model sqlembed.cluster_model := sqlembed._cluster_model(_assigned_sql.name);
begin
    return sqlembed._nearest_sql(
        case when _assigned_sql.with_distances and model.metric = 'cosine' then
            format('select r.id, public.l2_normalize(r.embedding) as embedding from (%s) as r', _assigned_sql.rows)
        else
            _assigned_sql.rows
        end,
        model.metric,
        array(select c.centroid from sqlembed.cluster_centroid as c where c.model = model.name order by c.centroid_id)
    );
end
$function$;

comment on function sqlembed._assigned_sql(text, text, boolean) is
    'SQL that adds to rows (id, embedding) the number of the nearest centroid of a model and the distance to it, which under cosine is right only when asked for.';
