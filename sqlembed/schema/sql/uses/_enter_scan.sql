create or replace function sqlembed._enter_scan(k integer) returns text[]
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    path sqlembed.search_path;
begin
    -- A function of pgvector has to run before its settings are there.
    if public.vector_dims('[1]'::public.vector) is null then
        return null;
    end if;
    path.ef_search := least(1000, 60 + 4 * least(_enter_scan.k, 235));
    return sqlembed._enter_search(path);
end
$function$;

comment on function sqlembed._enter_scan(integer) is
    'Make the settings with which many searches for k rows go through an index; gives those from before, for _leave_search.';
