create or replace function sqlembed._count_rows(
    declared sqlembed.embedding,
    out total bigint,
    out embedded bigint,
    out blank bigint
)
language plpgsql
stable
as $function$
declare
    relation regclass := (_count_rows.declared).relation;
    side regclass := (_count_rows.declared).side;
    is_own boolean;
    vector_test text;
begin
    -- The planner may call this for rows that a condition of the view leaves out.
    if not pg_catalog.has_table_privilege(relation, 'select')
        or side is not null and not pg_catalog.has_table_privilege(side, 'select')
    then
        return;
    end if;
    select r.rolname operator(pg_catalog.=) current_user
    into is_own
    from pg_catalog.pg_class as c
    join pg_catalog.pg_roles as r on r.oid operator(pg_catalog.=) c.relowner
    join pg_catalog.pg_attribute as a
        on a.attrelid operator(pg_catalog.=) coalesce(side, c.oid)
        and a.attnum operator(pg_catalog.=) (_count_rows.declared).vector_number
        and not a.attisdropped
    where c.oid operator(pg_catalog.=) relation and c.relkind in ('r', 'p');

    -- Looking must not run what a table's owner wrote, neither the source expression nor a policy nor
    -- what the planner computes: it would run with the rights of whoever looks.
    if is_own is null or not is_own and (
        pg_catalog.row_security_active(relation)
        or pg_catalog.row_security_active(side)
        or not sqlembed._plans_safely(relation)
        or not sqlembed._plans_safely(side)
    ) then
        return;
    end if;
    if side is null then
        execute pg_catalog.format(
            'select pg_catalog.count(*), pg_catalog.count(r.%1$I) from (select * from %2$s) as r',
            sqlembed._vector_name(_count_rows.declared), relation
        )
        into _count_rows.total, _count_rows.embedded;
    else
        -- Somebody else's may hold some that are out of date, or whose rows are gone.
        execute pg_catalog.format(
            'select (select pg_catalog.count(*) from %1$s), pg_catalog.count(*) from %2$s where %3$s',
            relation, side,
            case when (_count_rows.declared).chunking is null then 'true' else 'ordinal operator(pg_catalog.=) 1' end
        )
        into _count_rows.total, _count_rows.embedded;
    end if;
    if is_own then
        begin
            vector_test := sqlembed._vector_test(_count_rows.declared, 'r');
            if side is not null then
                execute pg_catalog.format('select pg_catalog.count(*) from %s as r where %s', relation, vector_test)
                into _count_rows.embedded;
            end if;
            execute pg_catalog.format(
                'select pg_catalog.count(*) from %2$s as r where not (%1$s) and sqlembed._blank(%3$s)',
                vector_test,
                case when side is null then pg_catalog.format('(select * from %s)', relation) else relation::text end,
                (_count_rows.declared).source
            )
            into _count_rows.blank;
        exception when others then
            -- A row, or a column that is gone, spoils the expression: the other counts still stand.
            null;
        end;
    end if;
end
$function$;

comment on function sqlembed._count_rows(sqlembed.embedding) is
    'Rows of an embedded table: all, those with a vector, and those with nothing to embed. NULL where counting would run code of another role: blank rows of somebody else''s table, and all of it under row level security, or where an index or statistics call a function of such a role. Blank rows are NULL too where the expression fails.';
