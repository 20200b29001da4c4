create or replace function sqlembed._hide_vector() returns trigger
language plpgsql
as $function$
begin
    return pg_catalog.jsonb_populate_record(new, pg_catalog.jsonb_build_object(tg_argv[0], null));
end
$function$;

comment on function sqlembed._hide_vector() is
    'Row trigger of on_change => ''hide'': the source has changed, so the vector of the old one goes.';
