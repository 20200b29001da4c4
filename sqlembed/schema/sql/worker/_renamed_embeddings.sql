create or replace function sqlembed._renamed_embeddings()
returns table (
    declared sqlembed.embedding,
    vector name,
    source_columns name[],
    key_columns name[],
    key_expression text,
    is_mixed_up boolean
)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    with present as (
        select
            e as declared,
            k.columns,
            k.expression,
            c.vector,
            -- A source that has lost a column stays as it was: status tells.
            case when array_position(c.source, null) is null then c.source else e.source_columns end as source
        from sqlembed.embedding as e
        cross join lateral sqlembed._key_sql(e.relation) as k
        cross join lateral sqlembed._present_columns(e) as c
        where k.columns is not null and c.vector is not null
    )
    select
        p.declared,
        p.vector,
        p.source,
        p.columns,
        p.expression,
        -- Whether, until now, the triggers took another column for one of these.
        exists (
            select
            from unnest(p.columns || p.source, (p.declared).key_columns || (p.declared).source_columns)
                as c (present, declared)
            join pg_attribute as a
                on a.attrelid = (p.declared).relation and a.attname = c.declared and not a.attisdropped
            where c.present is distinct from c.declared
        )
    from present as p
    where (p.columns, sqlembed._column_types((p.declared).relation, p.columns), p.vector, p.source, (p.declared).relation::oid)
        is distinct from
        (
            (p.declared).key_columns, (p.declared).key_types, (p.declared).name, (p.declared).source_columns,
            (p.declared).numbered_in
        )
$function$;

comment on function sqlembed._renamed_embeddings() is
    'Embeddings whose columns have other names or types than they had, with those that they have now.';

revoke execute on function sqlembed._renamed_embeddings() from public;
