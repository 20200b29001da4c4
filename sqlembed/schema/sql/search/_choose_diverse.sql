create or replace function sqlembed._choose_diverse(
    distances double precision[],
    vectors public.vector[],
    k integer,
    diversity double precision,
    metric text
)
returns integer[]
language plpgsql
immutable
as $function$
declare
    chosen integer[] := '{}';
    -- How far each candidate is from the nearest of those that were chosen.
    apart double precision[];
    next integer;
begin
    -- Maximal marginal relevance (Carbonell and Goldstein 1998), with minus the distance for a similarity.
    for round in 1..least(_choose_diverse.k, coalesce(pg_catalog.cardinality(_choose_diverse.distances), 0)) loop
        select c.number
        into next
        from rows from (
            pg_catalog.unnest(_choose_diverse.distances), pg_catalog.unnest(apart)
        ) with ordinality as c (distance, apart, number)
        where c.number operator(pg_catalog.<>) all (chosen)
        order by
            (1 operator(pg_catalog.-) _choose_diverse.diversity) operator(pg_catalog.*) c.distance
                operator(pg_catalog.-) (_choose_diverse.diversity operator(pg_catalog.*) coalesce(c.apart, 0)),
            -- Where relevance counts for nothing the nearest still comes first.
            c.number
        limit 1;
        chosen := chosen operator(pg_catalog.||) next;
        apart := array(
            select least(
                c.apart, sqlembed.distance(c.vector, _choose_diverse.vectors[next], _choose_diverse.metric)
            )
            from rows from (
                pg_catalog.unnest(_choose_diverse.vectors), pg_catalog.unnest(apart)
            ) with ordinality as c (vector, apart, number)
            order by c.number
        );
    end loop;
    return chosen;
end
$function$;

comment on function sqlembed._choose_diverse(double precision[], public.vector[], integer, double precision, text) is
    'Numbers of k candidates, each of them near to the query and far from those chosen before it; diversity 0 counts nearness alone, 1 distance from each other alone.';
