create or replace function sqlembed._features_sql(
    rows text,
    dimensions integer,
    embedding_scale double precision,
    number_means double precision[],
    number_scales double precision[]
)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $function$
    select case when cardinality(_features_sql.number_means) = 0 then _features_sql.rows else format(
        'select r.id, r.embedding operator(public.*) %L::public.vector operator(public.||) array[%s]::public.vector as embedding
        from (%s) as r',
        array_fill(_features_sql.embedding_scale::real, array[_features_sql.dimensions])::public.vector,
        (
            -- In double precision up to here: single would not tell one second of this year from the next.
            select string_agg(
                format(
                    '(coalesce(r.numbers[%1$s], %2$L) operator(pg_catalog.-) %2$L::pg_catalog.float8) operator(pg_catalog.*) %3$L::pg_catalog.float8',
                    n.place, n.mean, n.scale
                ),
                ', ' order by n.place
            )
            from unnest(_features_sql.number_means, _features_sql.number_scales) with ordinality as n(mean, scale, place)
        ),
        _features_sql.rows
    ) end
$function$;

comment on function sqlembed._features_sql(text, integer, double precision, double precision[], double precision[]) is
    'SQL that makes one vector of each vector and the numbers beside it: the vector scaled, then each number, less its mean, scaled.';
