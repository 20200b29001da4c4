create or replace function sqlembed._text_search_config(config regconfig) returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    -- As text: pg_upgrade refuses tables with a regconfig.
    select format('%I.%I', n.nspname, c.cfgname)
    from pg_ts_config as c
    join pg_namespace as n on n.oid = c.cfgnamespace
    where c.oid = _text_search_config.config
$function$;

comment on function sqlembed._text_search_config(regconfig) is
    'The name of a text search configuration, with its schema.';
