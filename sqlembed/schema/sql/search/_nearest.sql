create or replace function sqlembed._nearest(
    source anyelement,
    query public.vector,
    k integer,
    relation regclass,
    filter text,
    statement text,
    exact_statement text
)
returns table (base anyelement, distance double precision, key jsonb)
language sql
stable
rows 10
as $function$
    -- Inlined into the searches. An index in relaxed order leaves the order to us; an attempt
    -- that found too few rows is void; and where there is no distance (cosine of a zero vector)
    -- there is no neighbour.
    select a.base, a.distance, a.key
    from (
        select t.*, pg_catalog.max(t.attempt) over () as last_attempt
        from sqlembed._attempt(
            _nearest.source, _nearest.query, _nearest.k, _nearest.relation, _nearest.filter, _nearest.statement,
            _nearest.exact_statement
        ) as t
    ) as a
    where a.attempt operator(pg_catalog.=) a.last_attempt and a.distance operator(pg_catalog.<>) 'NaN'
    order by a.distance, a.key, a.place
$function$;

comment on function sqlembed._nearest(anyelement, public.vector, integer, regclass, text, text, text) is
    'The k rows nearest to a vector, nearest first, equal distances in the order of their keys.';
