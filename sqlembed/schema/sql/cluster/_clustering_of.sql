create or replace function sqlembed._clustering_of(name text) returns sqlembed.clustering
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    known sqlembed.clustering;
begin
    select c.* into known from sqlembed.clustering as c where c.name = _clustering_of.name;
    if known.id is null then
        raise exception 'sqlembed: no clustering %', coalesce(quote_literal(_clustering_of.name), 'NULL')
            using errcode = 'SE020',
                hint = coalesce(
                    'You may use: ' || (select string_agg(quote_literal(c.name), ', ' order by c.name) from sqlembed.clustering as c) || '.',
                    'Make one: select * from sqlembed.create_clustering(''article'', ''topics'').'
                );
    end if;
    return known;
end
$function$;

comment on function sqlembed._clustering_of(text) is
    'The clustering of that name, or an error that names those the caller may use.';
