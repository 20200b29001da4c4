create or replace function sqlembed._kmeans_sample(
    rows text,
    num_rows bigint,
    dimensions integer,
    sample_size integer,
    seed integer
)
returns public.vector[]
language plpgsql
volatile
as $function$
declare
    -- Hashes lie evenly in the range of bigint.
    share double precision := _kmeans_sample.sample_size::double precision operator(pg_catalog./) _kmeans_sample.num_rows;
    highest double precision := share operator(pg_catalog.*) 18446744073709551616::double precision
        operator(pg_catalog.-) 9223372036854775808::double precision;
    sample public.vector[];
begin
    -- The vector takes part in the hash, for ids that are not unique.
    execute pg_catalog.format(
        $sql$
        select pg_catalog.array_agg(r.embedding order by r.hash, r.id collate pg_catalog."C", r.embedding)
        from (
            select r.*
            from (
                select r.id, r.embedding, pg_catalog.hashfloat8extended(
                    r.embedding operator(public.<->) %L::public.vector,
                    pg_catalog.hashtextextended(coalesce(r.id, ''), %s)
                ) as hash
                from (%s) as r
                offset '0'
            ) as r
            where r.hash operator(pg_catalog.<=) %L::double precision
            -- Never reached but by masses of rows that are the same, id and vector.
            limit %s
        ) as r
        $sql$,
        pg_catalog.array_fill(0.01::real, array[_kmeans_sample.dimensions])::public.vector,
        _kmeans_sample.seed, _kmeans_sample.rows, highest, 2 operator(pg_catalog.*) _kmeans_sample.sample_size
    )
    into sample;
    return coalesce(sample, '{}');
end
$function$;

comment on function sqlembed._kmeans_sample(text, bigint, integer, integer, integer) is
    'Vectors of a random choice of about sample_size of the rows (id, embedding), or of all if there are no more, in random order. Hashes of the rows and the seed decide both, so where the rows happen to lie does not matter.';
