create or replace function sqlembed.similar(
    relation anyelement,
    key jsonb,
    k integer default 10,
    embedding name default null,
    filter text default null,
    mode text default 'vector',
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
        'similar', "similar".k, "similar".filter, "similar".mode, "similar".diversity, "similar".after_distance,
        "similar".after_key
    );
    target sqlembed.search_target := sqlembed._search_target('similar', "similar".relation, "similar".embedding, null);
    own record;
begin
    own := sqlembed._vector_of_row(target, "similar".key);
    return query
    select n.*
    from sqlembed._nearest(
        'similar', "similar".relation, own.vector, "similar".k, "similar".embedding, "similar".filter,
        "similar".mode, null, "similar".diversity, "similar".after_distance, "similar".after_key, own.place,
        own.place_table
    ) as n;
end
$function$;

comment on function sqlembed.similar(
    anyelement, jsonb, integer, name, text, text, double precision, double precision, jsonb
) is
    'The k rows nearest to a row of the same table, that row left out: select (base).title, distance from sqlembed.similar(null::article, ''[42]''). key is a jsonb array of the primary key''s values; the rest is as in search.';
