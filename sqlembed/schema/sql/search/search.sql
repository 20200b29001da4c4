create or replace function sqlembed.search(
    relation anyelement,
    query text,
    k integer default 10,
    embedding name default null,
    filter text default null,
    mode text default 'vector',
    text_weight double precision default 1,
    diversity double precision default null,
    after_distance double precision default null,
    after_key jsonb default null
)
returns table (base anyelement, distance double precision, score double precision, chunk text)
language plpgsql
stable
rows 10
as $function$
declare
    checked boolean := sqlembed._check_search(
        'search', search.k, search.filter, search.mode, search.diversity, search.after_distance, search.after_key
    );
    -- Nothing is held while a worker embeds the query.
    target sqlembed.search_target := sqlembed._search_target(
        'search', search.relation, search.embedding, null, search.mode operator(pg_catalog.=) 'text'
    );
    query_vector public.vector;
begin
    if sqlembed._blank(search.query) then
        raise exception 'sqlembed: the query is empty' using errcode = 'SE014', hint = 'Give the text to search for.';
    end if;
    if search.mode operator(pg_catalog.=) 'text' then
        return query
        select t.base, null::pg_catalog.float8, t.score, null::pg_catalog.text
        from sqlembed._text_search(search.relation, search.query, search.k, target, search.filter) as t;
        return;
    end if;
    -- Once, and before anything with the filter runs: its errors are its own.
    query_vector := sqlembed.embed(target.embedder, search.query);
    if search.mode operator(pg_catalog.=) 'hybrid' then
        return query
        select h.*
        from sqlembed._hybrid_search(
            search.relation, search.query, query_vector, search.k, search.embedding, search.filter, search.text_weight
        ) as h;
        return;
    end if;
    return query
    select n.*
    from sqlembed._nearest(
        'search', search.relation, query_vector, search.k, search.embedding, search.filter, search.mode, null,
        search.diversity, search.after_distance, search.after_key
    ) as n;
end
$function$;

comment on function sqlembed.search(
    anyelement, text, integer, name, text, text, double precision, double precision, double precision, jsonb
) is
    'The k rows whose embedding is nearest to a text, nearest first: select (base).title, distance from sqlembed.search(null::article, ''food''). filter is a condition on one row of the table, applied before ranking; mode => ''exact'' compares every row, ''text'' ranks by the words of the query alone (BM25, its score), ''hybrid'' by both: score is the reciprocal rank fusion, in which words count text_weight times what vectors do. diversity from 0 to 1 prefers rows unlike each other; after_distance and after_key, those of the last row seen, give the next page.';
