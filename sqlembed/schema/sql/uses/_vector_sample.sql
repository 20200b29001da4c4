create or replace function sqlembed._vector_sample(rows text, metric text, num_rows integer, seed integer, out vectors public.vector[])
language plpgsql
stable
as $function$
begin
    execute pg_catalog.format(
        'select coalesce(pg_catalog.array_agg(r.vector), ''{}'')
        from (
            select %s as vector
            from (%s) as r
            order by pg_catalog.hashtextextended(r.sqlembed_key::pg_catalog.text, $1), r.sqlembed_key
            limit $2
        ) as r',
        case when _vector_sample.metric operator(pg_catalog.=) 'cosine' then 'public.l2_normalize(r.sqlembed_vector::public.vector)'
            else 'r.sqlembed_vector::public.vector'
        end,
        _vector_sample.rows
    )
    into vectors
    using _vector_sample.seed::pg_catalog.int8, _vector_sample.num_rows;
end
$function$;

comment on function sqlembed._vector_sample(text, text, integer, integer) is
    'Vectors of rows (key, vector) that are chosen at random, the same ones for the same seed; under cosine as unit vectors.';
