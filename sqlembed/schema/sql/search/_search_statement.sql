create or replace function sqlembed._search_statement(
    target sqlembed.search_target,
    conditions text,
    attempt integer,
    path sqlembed.search_path,
    with_vectors boolean default false,
    later text default ''
)
returns text
language plpgsql
stable
as $function$
declare
    target sqlembed.search_target := _search_statement.target;
    visits double precision := (_search_statement.path).visits;
    vector text := case
        when _search_statement.with_vectors then pg_catalog.format('(%s)::public.vector', target.vector)
        else 'null::public.vector'
    end;
    -- The volatile clock makes PostgreSQL put a row together after it has sorted, which reads the
    -- row out of TOAST, and not before.
    late constant text := 'pg_catalog.clock_timestamp() is not null';
    keys text := '';
    -- Not the bare distance: PostgreSQL would take an index's word for its order, which in relaxed order is
    -- no more than nearly right.
    order_by text := 'f.distance operator(pg_catalog.+) ''0''::pg_catalog.float8';
begin
    if target.chunk is not null then
        return sqlembed._chunk_statement(
            target, _search_statement.conditions, _search_statement.attempt, _search_statement.path,
            _search_statement.later, _search_statement.with_vectors
        );
    end if;
    if _search_statement.attempt operator(pg_catalog.=) 2 then
        return pg_catalog.format(
            -- Vector indexes answer to the bare operator alone.
            'select case when %1$s then row(%2$s.*)::%3$s end, %4$s, 2, %5$s, null::pg_catalog.text from %6$s where %7$s is not null%8$s '
            'order by (%4$s) operator(pg_catalog.+) ''0''::pg_catalog.float8%9$s limit $2',
            late, target.row_name, target.row_type, target.distance, vector, target.from_clause, target.vector,
            _search_statement.conditions, ', ' || pg_catalog.array_to_string(target.key_columns, ', ')
        );
    end if;
    for n in 1..coalesce(pg_catalog.cardinality(target.key_columns), 0) loop
        keys := keys || pg_catalog.format(', %s as key_%s', target.key_columns[n], n);
        order_by := order_by || pg_catalog.format(', f.key_%s', n);
    end loop;
    if target.index_kind is not null then
        -- The index knows less than the whole vectors: what it finds is ranked by those. Columns pass as
        -- they stand, in TOAST or not, and the row is put together of the $2 that are left.
        return (
            select pg_catalog.format(
                'select case when %1$s then row(%2$s)::%3$s end, f.distance, 1, f.vector, null::pg_catalog.text from ('
                'select %4$s, %5$s as distance, %6$s as vector%7$s, (true%8$s) as passes '
                'from %9$s where %10$s is not null order by %11$s limit %12$s'
                ') as f where f.passes order by %13$s limit $2',
                late,
                pg_catalog.string_agg(pg_catalog.format('f.column_%s', a.attnum), ', ' order by a.attnum),
                target.row_type,
                pg_catalog.string_agg(
                    pg_catalog.format('%s.%I as column_%s', target.row_name, a.attname, a.attnum), ', ' order by a.attnum
                ),
                target.distance, vector, keys,
                _search_statement.conditions, target.from_clause, target.vector, target.ordering,
                pg_catalog.ceil(visits), order_by
            )
            from pg_catalog.pg_attribute as a
            where a.attrelid operator(pg_catalog.=) target.relation
                and a.attnum operator(pg_catalog.>) 0
                and not a.attisdropped
        );
    end if;
    if visits is null then
        return pg_catalog.format(
            'select f.base, f.distance, 1, f.vector, null::pg_catalog.text from ('
            'select case when %1$s then row(%2$s.*)::%3$s end as base, %4$s as distance, %5$s as vector%6$s '
            'from %7$s where %8$s is not null%9$s order by %4$s limit $2'
            ') as f order by %10$s',
            late, target.row_name, target.row_type, target.distance, vector, keys, target.from_clause, target.vector,
            _search_statement.conditions, order_by
        );
    end if;
    -- The nearest are looked at one by one, but only so many: all rows that pass may be far away. An
    -- index that is left to go on until k have passed, up to a limit of its own, then gives whatever
    -- it has come across, the nearest or not. The array tells a row that did not pass from one of NULLs.
    return pg_catalog.format(
        'select f.bases[1], f.distance, 1, f.vector, null::pg_catalog.text from ('
        'select case when %1$s%9$s then array[row(%2$s.*)::%3$s] end as bases, %4$s as distance, %5$s as vector%6$s '
        'from %7$s where %8$s is not null order by %4$s limit %11$s'
        ') as f where f.bases is not null order by %10$s limit $2',
        late, target.row_name, target.row_type, target.distance, vector, keys, target.from_clause, target.vector,
        _search_statement.conditions, order_by, pg_catalog.ceil(visits)
    );
end
$function$;

comment on function sqlembed._search_statement(
    sqlembed.search_target, text, integer, sqlembed.search_path, boolean, text
) is
    'A statement that finds the $2 rows nearest to $1, nearest first, equal distances in the order of their keys: row, distance, number of the attempt, the vector where it is wanted, and the best chunk of a text that is cut. The first attempt may use a vector index, and looks at no more rows than the path says; what an index finds by less than whole vectors it ranks by those; the second compares every row.';
