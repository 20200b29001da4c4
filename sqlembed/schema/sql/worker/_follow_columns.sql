create or replace function sqlembed._follow_columns() returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
set lock_timeout = '200ms'
as $function$
declare
    changed record;
    renamed integer[];
    mixed_up integer[];
begin
    with present as (
        select
            e,
            k.columns,
            k.expression,
            array(
                select a.atttypid::regtype
                from unnest(k.columns) with ordinality as c (name, position)
                join pg_attribute as a on a.attrelid = e.relation and a.attname = c.name and not a.attisdropped
                order by c.position
            ) as types,
            c.vector,
            -- A source that has lost a column stays as it was: status tells.
            case when array_position(c.source, null) is null then c.source else e.source_columns end as source
        from sqlembed.embedding as e
        cross join lateral sqlembed._key_sql(e.relation) as k
        cross join lateral sqlembed._present_columns(e) as c
        where k.columns is not null and c.vector is not null
    ),
    changed as (
        select
            p.*,
            -- Whether, until now, the triggers took another column for one of these.
            exists (
                select
                from unnest(
                    p.columns || p.vector || p.source, (p.e).key_columns || (p.e).name || (p.e).source_columns
                ) as c (present, declared)
                join pg_attribute as a
                    on a.attrelid = (p.e).relation and a.attname = c.declared and not a.attisdropped
                where c.present is distinct from c.declared
            ) as is_mixed_up
        from present as p
        where (p.columns, p.types, p.vector, p.source, (p.e).relation::oid)
            is distinct from
            ((p.e).key_columns, (p.e).key_types, (p.e).name, (p.e).source_columns, (p.e).numbered_in)
    ),
    -- All at once: two vector columns may have changed their names with each other.
    followed as (
        update sqlembed.embedding as e
        set
            key_columns = c.columns,
            key_types = c.types,
            key_expression = c.expression,
            name = c.vector,
            source = sqlembed._renamed_source(e.relation, e.source, e.source_columns, c.source),
            source_columns = c.source,
            source_numbers = sqlembed._column_numbers(e.relation, c.source),
            vector_number = (sqlembed._column_numbers(e.relation, array[c.vector]))[1],
            numbered_in = e.relation::oid
        from changed as c
        where e.id = (c.e).id
        returning e.id, c.is_mixed_up
    )
    select array_agg(f.id), array_agg(f.id) filter (where f.is_mixed_up)
    into renamed, mixed_up
    from followed as f;

    for changed in select e.* from sqlembed.embedding as e where e.id = any (renamed)
    loop
        perform sqlembed._make_note_function(changed.id);
        perform sqlembed._make_row_functions(changed.id);
        execute format(
            'insert into sqlembed.change (embedding, key) select %s, %s from %s as r where r.%I is null or %L',
            changed.id, changed.key_expression, changed.relation, changed.name,
            changed.id = any (coalesce(mixed_up, '{}'))
        );
    end loop;
exception when lock_not_available then
    -- Next time, then.
    null;
end
$function$;

comment on function sqlembed._follow_columns() is
    'Follow columns of keys, sources and vectors that have other names or types now.';

revoke execute on function sqlembed._follow_columns() from public;
