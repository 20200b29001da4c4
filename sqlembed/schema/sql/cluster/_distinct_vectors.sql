create or replace function sqlembed._distinct_vectors(rows text, at_most integer) returns public.vector[]
language plpgsql
volatile
as $function$
declare
    vectors public.vector[];
begin
    execute pg_catalog.format(
        'select pg_catalog.array_agg(r.embedding order by r.embedding) from (
            select distinct r.embedding from (%s) as r order by r.embedding limit %s
        ) as r',
        _distinct_vectors.rows, _distinct_vectors.at_most
    )
    into vectors;
    return coalesce(vectors, '{}');
end
$function$;

comment on function sqlembed._distinct_vectors(text, integer) is
    'The different vectors of rows (id, embedding), in order.';
