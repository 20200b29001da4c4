create or replace function sqlembed._diverse(
    function_name text,
    source anyelement,
    query public.vector,
    k integer,
    name name,
    filter text,
    mode text,
    metric text,
    diversity double precision,
    excluded tid,
    excluded_table oid
)
returns table (base anyelement, distance double precision, chunk text)
language plpgsql
stable
rows 10
as $function$
declare
    near record;
    chosen integer[];
begin
    select
        pg_catalog.array_agg(a.base order by a.number) as bases,
        pg_catalog.array_agg(a.distance order by a.number) as distances,
        pg_catalog.array_agg(a.embedding order by a.number) as vectors,
        pg_catalog.array_agg(a.chunk order by a.number) as chunks
    into near
    from (
        select t.*, pg_catalog.max(t.attempt) over () as last_attempt
        from sqlembed._attempt(
            _diverse.function_name, _diverse.source, _diverse.query,
            -- To choose from.
            least(1000, greatest(50, 5 operator(pg_catalog.*) _diverse.k)), _diverse.name, _diverse.filter,
            _diverse.mode, _diverse.metric, null, null, null, _diverse.excluded, _diverse.excluded_table, true
        ) with ordinality as t (base, distance, attempt, embedding, chunk, number)
    ) as a
    where a.attempt operator(pg_catalog.=) a.last_attempt and a.distance operator(pg_catalog.<>) 'NaN';
    chosen := sqlembed._choose_diverse(
        near.distances, near.vectors, _diverse.k, _diverse.diversity, _diverse.metric
    );
    return query
    select near.bases[c.number], near.distances[c.number], near.chunks[c.number]
    from pg_catalog.unnest(chosen) with ordinality as c (number, place)
    order by c.place;
end
$function$;

comment on function sqlembed._diverse(
    text, anyelement, public.vector, integer, name, text, text, text, double precision, tid, oid
) is
    'k rows out of the 5 k nearest, near to the query and unlike each other, in the order in which they were chosen.';
