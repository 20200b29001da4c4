create or replace function sqlembed._hybrid_search(
    source anyelement,
    query text,
    query_vector public.vector,
    k integer,
    embedding name,
    filter text,
    text_weight double precision
)
returns table (base anyelement, distance double precision, score double precision, chunk text)
language plpgsql
stable
rows 10
as $function$
declare
    target sqlembed.search_target := sqlembed._search_target(
        'search', _hybrid_search.source, _hybrid_search.embedding, null
    );
    words record := sqlembed._plan_text(
        target, _hybrid_search.query, _hybrid_search.filter, true
    );
    -- What stands at place 62 of both lists equals the first of one that is not in the other.
    depth integer := least(1000, greatest(100, 2 operator(pg_catalog.*) _hybrid_search.k));
    vector_filter text := _hybrid_search.filter;
begin
    if (
        _hybrid_search.text_weight operator(pg_catalog.>=) 0 and _hybrid_search.text_weight operator(pg_catalog.<) 'Infinity'
    ) is not true then
        raise exception 'sqlembed: text_weight must be 0 or more, not %', coalesce(_hybrid_search.text_weight::text, 'NULL')
            using errcode = 'SE014',
                hint = 'It is what words count beside the vectors, which count 1. For one of them alone: mode => ''vector'', mode => ''text''.';
    end if;
    if words.requirement is not null then
        vector_filter := pg_catalog.format(E'(%s\n) and %s', coalesce(vector_filter, 'true'), words.requirement);
    end if;
    return query execute pg_catalog.format(
        'with near as (
            select n.base, n.distance, n.chunk, n.place, %1$s as key
            from sqlembed.vector_search($1, $2, $3, $4, $5) with ordinality as n (base, distance, score, chunk, place)
        ),
        worded as (
            select n.base, n.distance, n.chunk, n.place, %1$s as key
            from sqlembed._text_rows($1, $6, $7, $8, $3, $2, $9, $10) with ordinality as n (base, distance, chunk, score, place)
        )
        select f.base, case when f.distance operator(pg_catalog.<>) ''NaN'' then f.distance end, f.score, f.chunk
        from (
            select
                case when near.place is null then worded.base else near.base end as base,
                coalesce(near.distance, worded.distance) as distance,
                coalesce(near.chunk, worded.chunk) as chunk,
                sqlembed._fused_score(near.place, worded.place, $11) as score,
                coalesce(near.key, worded.key) as key
            from near
            full join worded on worded.key operator(pg_catalog.=) near.key
        ) as f
        order by f.score desc, f.distance, f.key
        limit $12',
        (
            select pg_catalog.format(
                'pg_catalog.jsonb_build_array(%s)', pg_catalog.string_agg(pg_catalog.format('(n.base).%I', c.name), ', ')
            )
            from pg_catalog.unnest(sqlembed._key_names(target.relation)) as c (name)
        )
    )
    using
        _hybrid_search.source, _hybrid_search.query_vector, depth, _hybrid_search.embedding, vector_filter,
        words.statement, words.wanted, words.words, target.relation, _hybrid_search.filter,
        _hybrid_search.text_weight, _hybrid_search.k;
end
$function$;

comment on function sqlembed._hybrid_search(anyelement, text, public.vector, integer, name, text, double precision) is
    'The k rows that rank best among the nearest to a vector and those found by words together. Phrases and exclusions of the text hold for both.';
