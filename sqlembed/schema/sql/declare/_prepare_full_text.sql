create or replace function sqlembed._prepare_full_text(
    relation regclass,
    embedding name,
    config text,
    source text
)
returns name
language plpgsql
volatile
-- A canonical expression means what it says there, whatever the caller's search_path.
set search_path = pg_catalog, pg_temp
as $function$
declare
    added name := _prepare_full_text.embedding || '_full_text';
begin
    if exists (
        select
        from pg_catalog.pg_attribute as a
        where a.attrelid operator(pg_catalog.=) _prepare_full_text.relation
            and a.attname operator(pg_catalog.=) added
            and not a.attisdropped
    ) then
        raise exception 'sqlembed: % has a column % already, which full_text would add',
            _prepare_full_text.relation, pg_catalog.quote_ident(added)
            using errcode = 'SE011', hint = 'Rename it, or leave full_text out: words are then looked up row by row.';
    end if;
    begin
        execute pg_catalog.format(
            'alter table %s add column %I pg_catalog.tsvector generated always as (%s) stored',
            _prepare_full_text.relation, added,
            sqlembed._full_text_sql(_prepare_full_text.config, _prepare_full_text.source)
        );
    exception when invalid_object_definition then
        raise notice 'sqlembed: no full text is stored for %, whose searches make it row by row: %',
            _prepare_full_text.relation, sqlerrm
            using hint = 'A stored one needs a source without generated columns, whose functions are all immutable.';
        return null;
    end;
    execute pg_catalog.format('create index on %s using gin (%I)', _prepare_full_text.relation, added);
    return added;
end
$function$;

comment on function sqlembed._prepare_full_text(regclass, name, text, text) is
    'Add the column that holds the full text of a source, and its index. Returns the column, NULL where PostgreSQL cannot keep one.';
