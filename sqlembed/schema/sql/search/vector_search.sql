create or replace function sqlembed.vector_search(
    relation anyelement,
    query public.vector,
    k integer default 10,
    embedding name default null,
    filter text default null,
    mode text default 'vector',
    metric text default null,
    diversity double precision default null,
    after_distance double precision default null,
    after_key jsonb default null
)
returns table (base anyelement, distance double precision, score double precision, chunk text)
language sql
stable
rows 10
as $function$
    -- Inlined into the caller's statement.
    select n.*
    from sqlembed._nearest(
        'vector_search', vector_search.relation, vector_search.query, vector_search.k, vector_search.embedding,
        vector_search.filter, vector_search.mode, vector_search.metric, vector_search.diversity,
        vector_search.after_distance, vector_search.after_key
    ) as n
$function$;

comment on function sqlembed.vector_search(
    anyelement, public.vector, integer, name, text, text, text, double precision, double precision, jsonb
) is
    'As search, for a vector that is at hand; NULL has no neighbours. Any vector column will do, declared as an embedding or not: embedding names it. metric NULL means the declared one, else cosine.';
