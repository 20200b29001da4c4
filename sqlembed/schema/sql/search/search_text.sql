create or replace function sqlembed.search(
    relation text,
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
returns table (base text, distance double precision, score double precision, chunk text)
language plpgsql
immutable
as $function$
begin
    perform sqlembed._refuse_relation('search', search.relation);
end
$function$;

comment on function sqlembed.search(
    text, text, integer, name, text, text, double precision, double precision, double precision, jsonb
) is
    'Always an error, which shows how a table is given: as a NULL of its row type.';
