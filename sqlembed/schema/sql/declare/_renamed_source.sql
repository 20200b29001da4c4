create or replace function sqlembed._renamed_source(
    relation regclass,
    source text,
    declared name[],
    present name[]
)
returns text
language plpgsql
volatile
-- A canonical expression means what it says there, whatever the caller's search_path.
set search_path = pg_catalog, pg_temp
as $function$
declare
    name text := 'sqlembed_source_' || pg_catalog.replace(pg_catalog.gen_random_uuid()::text, '-', '');
    columns text;
    renamed record;
    definition text;
begin
    if _renamed_source.declared operator(pg_catalog.=) _renamed_source.present then
        return _renamed_source.source;
    end if;
    if pg_catalog.array_position(_renamed_source.present, null) is not null then
        return null;
    end if;
    -- PostgreSQL reads the expression over a table that has the old names, and writes it down once
    -- that table has been given the new ones.
    execute pg_catalog.format(
        'create temporary table %I as select %s from %s as r with no data',
        name || '_t',
        (
            select pg_catalog.string_agg(pg_catalog.format('r.%I as %I', c.present, c.declared), ', ')
            from unnest(_renamed_source.present, _renamed_source.declared) as c (present, declared)
        ),
        _renamed_source.relation
    );
    execute pg_catalog.format(
        'create temporary view %1$I as select (%2$s) as %1$I from pg_temp.%3$I', name, _renamed_source.source, name || '_t'
    );
    -- In two steps: two columns may have changed their names with each other.
    for renamed in
        select c.declared, c.present, 'sqlembed_column_' || c.position as meanwhile
        from unnest(_renamed_source.declared, _renamed_source.present)
            with ordinality as c (declared, present, position)
    loop
        execute pg_catalog.format(
            'alter table pg_temp.%I rename column %I to %I', name || '_t', renamed.declared, renamed.meanwhile
        );
    end loop;
    for renamed in
        select c.present, 'sqlembed_column_' || c.position as meanwhile
        from pg_catalog.unnest(_renamed_source.present) with ordinality as c (present, position)
    loop
        execute pg_catalog.format(
            'alter table pg_temp.%I rename column %I to %I', name || '_t', renamed.meanwhile, renamed.present
        );
    end loop;
    definition := sqlembed._view_definition(pg_catalog.to_regclass('pg_temp.' || name));
    execute pg_catalog.format('drop table pg_temp.%I cascade', name || '_t');
    return sqlembed._unqualified(
        pg_catalog.regexp_replace(
            pg_catalog.regexp_replace(definition, '^[[:space:]]*SELECT[[:space:]]+', ''), ' AS ' || name || '[[:space:]].*$', ''
        ),
        name || '_t',
        _renamed_source.present
    );
end
$function$;

comment on function sqlembed._renamed_source(regclass, text, name[], name[]) is
    'A canonical source expression after its columns have got other names; NULL when one is gone.';
