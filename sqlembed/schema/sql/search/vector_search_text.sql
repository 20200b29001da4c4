create or replace function sqlembed.vector_search(
    relation text,
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
returns table (base text, distance double precision, score double precision, chunk text)
language plpgsql
immutable
as $function$
begin
    perform sqlembed._refuse_relation('vector_search', vector_search.relation);
end
$function$;

comment on function sqlembed.vector_search(text, public.vector, integer, name, text, text, text, double precision, double precision, jsonb) is
    'Always an error, which shows how a table is given: as a NULL of its row type.';
