create or replace function sqlembed._is_described_sql(declared sqlembed.embedding) returns text
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    -- A sub-select, so that it is evaluated once a statement: after it has locked the table, whose
    -- names cannot change until it ends.
    select format(
        '(select sqlembed._check_described(%s, %L, %L, %L))%s',
        (_is_described_sql.declared).relation::oid,
        (_is_described_sql.declared).relation::text,
        array_agg(a.attnum order by a.attnum)::text,
        array_agg(a.attname order by a.attnum)::text,
        -- Side tables of two generations exchange their names.
        case
            when (_is_described_sql.declared).place = 'side' then format(
                ' and (select sqlembed._check_described(%s, %L, %L, %L))',
                (_is_described_sql.declared).side::oid,
                (_is_described_sql.declared).side::text,
                array[(_is_described_sql.declared).vector_number]::text,
                array[min(p.vector)]::text
            )
        end
    )
    from sqlembed._present_columns(_is_described_sql.declared) as p
    join pg_attribute as a
        on a.attrelid = (_is_described_sql.declared).relation
        and not a.attisdropped
        and a.attname = any (
            p.source
            || (select k.columns from sqlembed._key_sql((_is_described_sql.declared).relation) as k)
            || case (_is_described_sql.declared).place when 'row' then array[p.vector] end
        )
$function$;

comment on function sqlembed._is_described_sql(sqlembed.embedding) is
    'The condition by which a worker''s statement notices that its names mean something else by now.';

revoke execute on function sqlembed._is_described_sql(sqlembed.embedding) from public;
