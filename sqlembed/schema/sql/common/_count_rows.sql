create or replace function sqlembed._count_rows(
    relation regclass,
    name name,
    source text,
    out total bigint,
    out embedded bigint,
    out blank bigint
)
language plpgsql
stable
as $function$
begin
    -- The planner may call this for rows that a condition of the view leaves out.
    if not pg_catalog.has_table_privilege(_count_rows.relation, 'select') or not exists (
        select
        from pg_catalog.pg_attribute as a
        where a.attrelid operator(pg_catalog.=) _count_rows.relation
            and a.attname operator(pg_catalog.=) _count_rows.name
            and not a.attisdropped
    ) then
        return;
    end if;
    execute pg_catalog.format(
        'select
            pg_catalog.count(*),
            pg_catalog.count(r.%1$I),
            pg_catalog.count(*) filter (where r.%1$I is null and sqlembed._blank(%2$s))
        from (select * from %3$s) as r',
        _count_rows.name, _count_rows.source, _count_rows.relation
    )
    into _count_rows.total, _count_rows.embedded, _count_rows.blank;
end
$function$;

comment on function sqlembed._count_rows(regclass, name, text) is
    'Rows of an embedded table that the caller can see: all, those with a vector, and those with nothing to embed.';
