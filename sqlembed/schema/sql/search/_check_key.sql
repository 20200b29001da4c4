create or replace function sqlembed._check_key(relation regclass, argument text, key jsonb) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    columns name[] := (select k.columns from sqlembed._key_sql(_check_key.relation) as k);
begin
    if columns is null then
        raise exception 'sqlembed: % has no primary key, so no row of it has a key', _check_key.relation
            using errcode = 'SE010', hint = 'Give the table that it reads from, or add a primary key.';
    end if;
    if jsonb_typeof(_check_key.key) is distinct from 'array'
        or jsonb_array_length(_check_key.key) <> cardinality(columns)
        or _check_key.key @> '[null]'
    then
        raise exception 'sqlembed: % is no key of %: %',
            _check_key.argument, _check_key.relation, coalesce(_check_key.key::text, 'NULL')
            using errcode = 'SE014',
                hint = format(
                    'A key is a jsonb array of the primary key''s values: jsonb_build_array(%s).',
                    (select string_agg(quote_ident(c), ', ') from unnest(columns) as c)
                );
    end if;
end
$function$;

comment on function sqlembed._check_key(regclass, text, jsonb) is
    'An error when a jsonb value has not the form of a key of the table.';
