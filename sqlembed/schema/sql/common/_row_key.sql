create or replace function sqlembed._row_key(relation regclass, key jsonb) returns jsonb
language plpgsql
stable
as $function$
declare
    known record;
    found jsonb;
    is_key boolean;
begin
    select k.columns, k.expression, k.match into known from sqlembed._key_sql(_row_key.relation) as k;
    is_key := coalesce(
        pg_catalog.jsonb_typeof(_row_key.key) operator(pg_catalog.=) 'array'
            and pg_catalog.jsonb_array_length(_row_key.key) operator(pg_catalog.=) pg_catalog.cardinality(known.columns)
            and not exists (
                select
                from pg_catalog.jsonb_array_elements(_row_key.key) as v (value)
                where pg_catalog.jsonb_typeof(v.value) in ('null', 'object', 'array')
            ),
        false
    );
    if is_key then
        begin
            execute pg_catalog.format(
                'select %s from (select $1) as k (key) cross join %s as r where %s',
                known.expression, _row_key.relation, known.match
            )
            into found
            using _row_key.key;
        exception when data_exception then
            is_key := false;
        end;
    end if;
    if not is_key then
        raise exception 'sqlembed: % is not a key of table %', coalesce(_row_key.key::text, 'NULL'), _row_key.relation
            using errcode = 'SE014',
                hint = pg_catalog.format(
                    'A key is a jsonb array of the primary key''s values in order, here of (%s).',
                    (
                        select pg_catalog.string_agg(
                            pg_catalog.quote_ident(a.attname) || ' ' || pg_catalog.format_type(a.atttypid, a.atttypmod),
                            ', '
                            order by c.position
                        )
                        from pg_catalog.unnest(known.columns) with ordinality as c (name, position)
                        join pg_catalog.pg_attribute as a
                            on a.attrelid operator(pg_catalog.=) _row_key.relation
                            and a.attname operator(pg_catalog.=) c.name
                    )
                );
    end if;
    return found;
end
$function$;

comment on function sqlembed._row_key(regclass, jsonb) is
    'The key as jobs write it, if there is such a row and the caller may see it.';
