create or replace function sqlembed._search_statement(
    relation_name name,
    from_clause text,
    row_type text,
    relation_kind "char",
    vector text,
    key_columns text,
    distance text,
    filter text,
    attempt integer
)
returns text
language sql
stable
as $function$
    -- The table keeps its name, because the filter may use it. The volatile clock makes PostgreSQL
    -- put a row together after it has sorted, which reads the row out of TOAST, and not before.
    select pg_catalog.format(
        'select
            case when pg_catalog.clock_timestamp() is not null then row(%1$I.*)::%2$s end,
            %3$s,
            case when pg_catalog.clock_timestamp() is not null then pg_catalog.jsonb_build_array(%4$s) end,
            %5$s,
            %6$s
        from %7$s
        where %8$s is not null and (%9$s
        )
        order by %3$s%10$s
        limit $2',
        relation_name,
        row_type,
        -- Vector indexes answer to the bare operator alone.
        case attempt
            when 1 then distance
            else pg_catalog.format('(%s) operator(pg_catalog.+) ''0''::pg_catalog.float8', distance)
        end,
        case
            when key_columns is not null then key_columns
            when relation_kind in ('r', 'p', 'm') then pg_catalog.format('%I.tableoid::pg_catalog.int8', relation_name)
        end,
        case
            when key_columns is null and relation_kind in ('r', 'p', 'm') then pg_catalog.format('%I.ctid', relation_name)
            else 'null::pg_catalog.tid'
        end,
        attempt,
        from_clause,
        vector,
        coalesce(filter, 'true'),
        case
            when attempt operator(pg_catalog.=) 1 then ''
            when key_columns is not null then ', ' || key_columns
            when relation_kind in ('r', 'p', 'm') then pg_catalog.format(', %1$I.tableoid, %1$I.ctid', relation_name)
        end
    )
$function$;

comment on function sqlembed._search_statement(name, text, text, "char", text, text, text, text, integer) is
    'A statement that finds the nearest rows: row, distance, key, place of rows without a primary key, and number of the attempt. The second attempt uses no vector index.';
