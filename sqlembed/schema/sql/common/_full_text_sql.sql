create or replace function sqlembed._full_text_sql(config text, source text) returns text
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
    -- A tsvector holds a megabyte at most, and one that would be larger is an error for whoever
    -- writes the row. So many characters fit, whatever words they make.
    select format(
        'pg_catalog.to_tsvector(%L::pg_catalog.regconfig, pg_catalog.left((%s)::pg_catalog.text, 100000))',
        _full_text_sql.config,
        _full_text_sql.source
    )
$function$;

comment on function sqlembed._full_text_sql(text, text) is
    'SQL for the full text of a source expression: its words in a language, as a tsvector.';
