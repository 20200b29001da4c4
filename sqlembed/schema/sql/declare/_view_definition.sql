create or replace function sqlembed._view_definition(view oid) returns text
language sql
stable
set search_path = pg_catalog
as $function$
    select pg_get_viewdef(_view_definition.view)
$function$;

comment on function sqlembed._view_definition(oid) is
    'A view''s query with every name qualified that is not in pg_catalog.';
