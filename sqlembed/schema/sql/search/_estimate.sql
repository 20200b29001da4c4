create or replace function sqlembed._estimate(
    statement text,
    query public.vector,
    after_distance double precision,
    after_key jsonb,
    excluded tid,
    excluded_table oid,
    out rows double precision,
    out cost double precision
)
language plpgsql
-- PostgreSQL refuses EXPLAIN in functions that are not.
volatile
as $function$
declare
    plan jsonb;
begin
    execute 'explain (format json) ' || _estimate.statement
    into plan
    using _estimate.query, null::integer, _estimate.after_distance, _estimate.after_key, _estimate.excluded,
        _estimate.excluded_table;
    _estimate.rows := plan operator(pg_catalog.#>) '{0,Plan,Plan Rows}';
    _estimate.cost := plan operator(pg_catalog.#>) '{0,Plan,Total Cost}';
end
$function$;

comment on function sqlembed._estimate(text, public.vector, double precision, jsonb, tid, oid) is
    'How many rows a statement gives and what it costs, as PostgreSQL''s planner sees it.';
