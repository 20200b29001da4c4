create or replace function sqlembed.detect_anomalies(
    name text,
    query text default null,
    contamination double precision default 0.02
)
returns table (id text, is_anomaly boolean, normalized_distance double precision, centroid_id integer)
language plpgsql
stable
set jit = off
as $function$
declare
    model sqlembed.cluster_model := sqlembed._cluster_model(detect_anomalies.name);
    distances constant pg_catalog.text :=
        'select r.id, r.centroid_id,
            case when r.centroid_id is null then null when r.distance operator(pg_catalog.=) 0 then 0
                else coalesce(
                    r.distance operator(pg_catalog./) case when c.cluster_radius operator(pg_catalog.>) 0 then c.cluster_radius end,
                    ''infinity''
                )
            end as distance
        from (%s) as r
        left join sqlembed.cluster_centroid as c
            on c.model operator(pg_catalog.=) %L and c.centroid_id operator(pg_catalog.=) r.centroid_id';
    index sqlembed.centroid_index := sqlembed._model_index(model.name);
    usual pg_catalog.text;
    threshold double precision;
    state pg_catalog.text;
    problem pg_catalog.text;
    detail pg_catalog.text;
    hint pg_catalog.text;
begin
    if coalesce(detect_anomalies.contamination, -1) operator(pg_catalog.<) 0
        or detect_anomalies.contamination operator(pg_catalog.>) 0.5
    then
        raise exception 'sqlembed: contamination => % is not between 0 and 0.5',
            coalesce(detect_anomalies.contamination::pg_catalog.text, 'NULL')
            using errcode = 'SE014', hint = 'It is the share of anomalies among the rows that the model was fitted on.';
    end if;
    usual := pg_catalog.format(distances, sqlembed._assigned_sql(model.name, sqlembed._model_query(model), true), model.name);
    execute pg_catalog.format(
        'select pg_catalog.percentile_disc(%L) within group (order by r.distance) from (%s) as r',
        1 operator(pg_catalog.-) detect_anomalies.contamination, usual
    )
    into threshold
    using index;
    return query execute pg_catalog.format(
        'select r.id, r.distance operator(pg_catalog.>) %L::double precision, r.distance, r.centroid_id from (%s) as r',
        threshold,
        case when detect_anomalies.query is null then usual
            else pg_catalog.format(distances, sqlembed._assigned_sql(model.name, detect_anomalies.query, true), model.name)
        end
    )
    using index;
exception
    when others or query_canceled then
        get stacked diagnostics
            state = returned_sqlstate, problem = message_text, detail = pg_exception_detail, hint = pg_exception_hint;
        perform sqlembed._explain_dimensions(detect_anomalies.name, state, problem);
        perform sqlembed._raise_briefly(state, problem, detail, hint);
end
$function$;

comment on function sqlembed.detect_anomalies(text, text, double precision) is
    'Which rows of a query, by default the model''s own, lie farther from their centroid than the rows of the model''s own query but for a share of contamination (0 to 0.5). normalized_distance is the distance to the nearest centroid divided by the radius of its cluster. All is NULL of a row without vector.';
