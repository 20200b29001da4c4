create or replace function sqlembed._nearest(
    function_name text,
    source anyelement,
    query public.vector,
    k integer,
    name name,
    filter text,
    mode text,
    metric text default null,
    diversity double precision default null,
    after_distance double precision default null,
    after_key jsonb default null,
    excluded tid default null,
    excluded_table oid default null
)
returns table (base anyelement, distance double precision, score double precision, chunk text)
language sql
stable
rows 10
as $function$
    -- Inlined into the searches. An attempt that found too few rows is void, and where there is no
    -- distance (cosine of a zero vector) there is no neighbour.
    select a.base, a.distance, null::pg_catalog.float8, a.chunk
    from (
        select t.*, pg_catalog.max(t.attempt) over () as last_attempt
        from sqlembed._attempt(
            _nearest.function_name, _nearest.source, _nearest.query, _nearest.k, _nearest.name, _nearest.filter,
            _nearest.mode, _nearest.metric, _nearest.diversity, _nearest.after_distance, _nearest.after_key,
            _nearest.excluded, _nearest.excluded_table, false
        ) with ordinality as t (base, distance, attempt, embedding, chunk, number)
    ) as a
    where a.attempt operator(pg_catalog.=) a.last_attempt and a.distance operator(pg_catalog.<>) 'NaN'
    order by a.number
$function$;

comment on function sqlembed._nearest(
    text, anyelement, public.vector, integer, name, text, text, text, double precision, double precision, jsonb, tid, oid
) is
    'The k rows nearest to a vector, nearest first, equal distances in the order of their keys.';
