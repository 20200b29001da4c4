create or replace function sqlembed._present_columns(
    declared sqlembed.embedding,
    out vector name,
    out source name[]
)
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    -- Numbers survive a change of name. Of a table that was restored from a dump they mean nothing.
    select
        (
            select a.attname
            from pg_attribute as a
            where a.attrelid = coalesce(declared.side, declared.relation)
                and a.attnum > 0
                and not a.attisdropped
                and case
                    when declared.numbered_in = declared.relation::oid then a.attnum = declared.vector_number
                    else a.attname = declared.name
                end
        ),
        array(
            select a.attname
            from unnest(declared.source_columns, declared.source_numbers) with ordinality as s (name, number, position)
            left join pg_attribute as a
                on a.attrelid = declared.relation
                and a.attnum > 0
                and not a.attisdropped
                and case
                    when declared.numbered_in = declared.relation::oid then a.attnum = s.number
                    else a.attname = s.name
                end
            order by s.position
        )
$function$;

comment on function sqlembed._present_columns(sqlembed.embedding) is
    'What the vector column of an embedding and the columns of its source are called now; NULL for one that is gone.';
