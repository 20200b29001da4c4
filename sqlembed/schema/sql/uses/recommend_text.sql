create or replace function sqlembed.recommend(
    relation text,
    liked jsonb[],
    disliked jsonb[] default '{}',
    k integer default 10,
    embedding name default null,
    filter text default null,
    mode text default 'vector',
    disliked_weight double precision default 0.5
)
returns table (base text, distance double precision)
language plpgsql
immutable
as $function$
begin
    perform sqlembed._refuse_recommend();
end
$function$;

comment on function sqlembed.recommend(text, jsonb[], jsonb[], integer, name, text, text, double precision) is
    'Always an error, which shows how a table is given: as a NULL of its row type.';
