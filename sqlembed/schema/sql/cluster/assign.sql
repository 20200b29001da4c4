create or replace function sqlembed.assign(name text, query text)
returns table (id text, centroid_id integer)
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
        'select r.id, r.centroid_id from (%s) as r',
        sqlembed._assigned_sql(assign.name, assign.query, false)
    )
    using sqlembed._model_index(assign.name);
exception
    when others or query_canceled then
        get stacked diagnostics
            state = returned_sqlstate, problem = message_text, detail = pg_exception_detail, hint = pg_exception_hint;
        perform sqlembed._explain_dimensions(assign.name, state, problem);
        perform sqlembed._raise_briefly(state, problem, detail, hint);
end
$function$;

comment on function sqlembed.assign(text, text) is
    'The cluster of each row of a query of an id and a vector, as predict says it, for many rows at once: many times as fast.';
