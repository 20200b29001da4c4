create or replace function sqlembed.cluster_examples(name text, query text, examples integer default 3)
returns table (centroid_id integer, id text, distance double precision)
language plpgsql
stable
set jit = off
as $function$
declare
    state pg_catalog.text;
    problem pg_catalog.text;
    detail pg_catalog.text;
    hint pg_catalog.text;
begin
    return query execute pg_catalog.format(
        $sql$
        select r.centroid_id, r.id, r.distance
        from (
            select r.centroid_id, r.id, r.distance,
                pg_catalog.row_number() over (partition by r.centroid_id order by r.distance, r.id) as place
            from (%s) as r
            where r.centroid_id is not null
        ) as r
        where r.place operator(pg_catalog.<=) %L::bigint
        order by r.centroid_id, r.place
        $sql$,
        sqlembed._assigned_sql(cluster_examples.name, cluster_examples.query, true),
        cluster_examples.examples
    )
    using sqlembed._model_index(cluster_examples.name);
exception
    when others or query_canceled then
        get stacked diagnostics
            state = returned_sqlstate, problem = message_text, detail = pg_exception_detail, hint = pg_exception_hint;
        perform sqlembed._explain_dimensions(cluster_examples.name, state, problem);
        perform sqlembed._raise_briefly(state, problem, detail, hint);
end
$function$;

comment on function sqlembed.cluster_examples(text, text, integer) is
    'Of the rows of a query of an id and a vector, those nearest to each centroid of a model: what the cluster is about. The id may be any expression, such as a title.';
