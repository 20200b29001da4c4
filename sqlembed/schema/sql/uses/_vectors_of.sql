create or replace function sqlembed._vectors_of(relation regclass, embedding name, keys jsonb[]) returns public.vector[]
language plpgsql
stable
as $function$
declare
    source record := sqlembed._vector_source(_vectors_of.relation, _vectors_of.embedding, null, 'r');
    vectors public.vector[];
begin
    execute pg_catalog.format(
        'select pg_catalog.array_agg(%1$s::public.vector order by k.number)
        from pg_catalog.unnest($1) with ordinality as k (key, number), %2$s
        where %1$s is not null and %3$s',
        source.vector, source.from_clause, (select s.match from sqlembed._key_sql(_vectors_of.relation) as s)
    )
    into vectors
    using _vectors_of.keys;
    return coalesce(vectors, '{}');
end
$function$;

comment on function sqlembed._vectors_of(regclass, name, jsonb[]) is
    'The vectors of rows, by their keys as jobs write them; of those that have one.';
