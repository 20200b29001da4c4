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
declare
    is_own boolean;
begin
    -- The planner may call this for rows that a condition of the view leaves out.
    if not pg_catalog.has_table_privilege(_count_rows.relation, 'select') then
        return;
    end if;
    select r.rolname operator(pg_catalog.=) current_user
    into is_own
    from pg_catalog.pg_class as c
    join pg_catalog.pg_roles as r on r.oid operator(pg_catalog.=) c.relowner
    join pg_catalog.pg_attribute as a
        on a.attrelid operator(pg_catalog.=) c.oid
        and a.attname operator(pg_catalog.=) _count_rows.name
        and not a.attisdropped
    where c.oid operator(pg_catalog.=) _count_rows.relation and c.relkind in ('r', 'p');

    -- Looking must not run what a table's owner wrote, neither the source expression nor a policy:
    -- it would run with the rights of whoever looks.
    if is_own is null or not is_own and pg_catalog.row_security_active(_count_rows.relation) then
        return;
    end if;
    execute pg_catalog.format(
        'select pg_catalog.count(*), pg_catalog.count(r.%1$I) from (select * from %2$s) as r',
        _count_rows.name, _count_rows.relation
    )
    into _count_rows.total, _count_rows.embedded;
    if is_own then
        begin
            execute pg_catalog.format(
                'select pg_catalog.count(*) from (select * from %2$s) as r where r.%1$I is null and sqlembed._blank(%3$s)',
                _count_rows.name, _count_rows.relation, _count_rows.source
            )
            into _count_rows.blank;
        exception when others then
            -- A row, or a column that is gone, spoils the expression: the other counts still stand.
            null;
        end;
    end if;
end
$function$;

comment on function sqlembed._count_rows(regclass, name, text) is
    'Rows of an embedded table: all, those with a vector, and those with nothing to embed. NULL where counting would run code of another role: blank rows of somebody else''s table, and all of it under row level security. Blank rows are NULL too where the expression fails.';
