create or replace function sqlembed._row_source(relation regclass, expression text, row_name text) returns text
language plpgsql
volatile
as $function$
declare
    -- A name that stands nowhere else.
    marker text := 'sqlembed_row_' || pg_catalog.replace(pg_catalog.gen_random_uuid()::text, '-', '');
    made text := sqlembed._prefixed_source(_row_source.relation, _row_source.expression, marker);
    pattern text;
    generated record;
begin
    for generated in
        select pg_catalog.quote_ident(a.attname) as name, sqlembed._generation(a.attrelid, a.attnum) as expression
        from pg_catalog.pg_attribute as a
        where a.attrelid operator(pg_catalog.=) _row_source.relation and a.attgenerated operator(pg_catalog.<>) ''
            and not a.attisdropped
    loop
        pattern := marker || E'\\.' || pg_catalog.regexp_replace(generated.name, '([^[:alnum:]_ ])', E'\\\\\\1', 'g')
            || '(?![a-z0-9_"])';
        if made operator(pg_catalog.~) pattern then
            made := pg_catalog.regexp_replace(
                made,
                pattern,
                pg_catalog.replace(
                    '(' || sqlembed._prefixed_source(_row_source.relation, generated.expression, marker) || ')', E'\\', E'\\\\'
                ),
                'g'
            );
        end if;
    end loop;
    return pg_catalog.replace(made, marker || '.', _row_source.row_name || '.');
end
$function$;

comment on function sqlembed._row_source(regclass, text, text) is
    'A canonical source expression over new or old, with the expressions of generated columns in their place: before an update nobody else knows their new values.';
