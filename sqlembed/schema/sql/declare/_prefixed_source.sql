create or replace function sqlembed._prefixed_source(relation regclass, expression text, row_name text) returns text
language plpgsql
volatile
-- A canonical expression means what it says there, whatever the caller's search_path.
set search_path = pg_catalog, pg_temp
as $function$
declare
    view_name text := 'sqlembed_source_' || pg_catalog.replace(pg_catalog.gen_random_uuid()::text, '-', '');
    definition text;
begin
    -- With a second item in FROM, PostgreSQL puts the first one's alias before its columns.
    execute pg_catalog.format(
        'create temporary view %1$I as select (%2$s) as %1$I from %3$s as %4$I, (values (1)) as sqlembed_one (sqlembed_one)',
        view_name, _prefixed_source.expression, _prefixed_source.relation, _prefixed_source.row_name
    );
    definition := sqlembed._view_definition(pg_catalog.to_regclass('pg_temp.' || view_name));
    execute pg_catalog.format('drop view pg_temp.%I', view_name);
    return pg_catalog.regexp_replace(
        pg_catalog.regexp_replace(definition, '^[[:space:]]*SELECT[[:space:]]+', ''), ' AS ' || view_name || '[[:space:]].*$', ''
    );
end
$function$;

comment on function sqlembed._prefixed_source(regclass, text, text) is
    'A canonical expression over a row with its columns prefixed by a name.';
