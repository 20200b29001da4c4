create or replace function sqlembed.vector_search(
    relation anyelement,
    query public.vector,
    k integer default 10,
    embedding name default null,
    filter text default null,
    mode text default 'vector',
    metric text default null
)
returns table (base anyelement, distance double precision, score double precision, chunk text)
language plpgsql
stable
rows 10
as $function$
declare
    plan record := sqlembed._plan_search(
        'vector_search', vector_search.relation, vector_search.k, vector_search.embedding, vector_search.filter,
        vector_search.mode, vector_search.metric
    );
begin
    return query
    select n.base, n.distance, null::pg_catalog.float8, null::pg_catalog.text
    from sqlembed._nearest(
        vector_search.relation, vector_search.query, vector_search.k, plan.relation, vector_search.filter,
        plan.statement, plan.exact_statement
    ) as n;
end
$function$;

comment on function sqlembed.vector_search(anyelement, public.vector, integer, name, text, text, text) is
    'As search, for a vector that is at hand; NULL has no neighbours. Any vector column will do, declared as an embedding or not: embedding names it. metric NULL means the declared one, else cosine.';
