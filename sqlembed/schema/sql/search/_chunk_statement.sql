create or replace function sqlembed._chunk_statement(
    target sqlembed.search_target,
    conditions text,
    attempt integer,
    path sqlembed.search_path,
    later text,
    with_vectors boolean
)
returns text
language plpgsql
stable
as $function$
declare
    target sqlembed.search_target := _chunk_statement.target;
    path sqlembed.search_path := _chunk_statement.path;
    conditions text := _chunk_statement.conditions;
    -- Chunks that do not pass count for an index that may look only at so many.
    is_counting boolean := _chunk_statement.attempt operator(pg_catalog.=) 1 and path.visits is not null;
    keys text := '';
    order_by text := 'distance';
    -- The first attempt goes through an index, which answers to the bare distance alone, or to that over
    -- less than whole vectors, and looks at no more chunks than it may.
    first_ones text := case
        when _chunk_statement.attempt operator(pg_catalog.=) 1
        then pg_catalog.format(
            ' order by %s limit %s',
            coalesce(target.ordering, target.distance),
            pg_catalog.ceil(coalesce(path.visits, path.depth))
        )
        else ''
    end;
begin
    for n in 1..pg_catalog.cardinality(target.key_columns) loop
        keys := keys || pg_catalog.format(', %s as key_%s', target.key_columns[n], n);
        order_by := order_by || pg_catalog.format(', key_%s', n);
    end loop;
    -- Each row by its best chunk. Only then, row by row and nearest first, is the text hashed that tells
    -- whether its chunks are those of the present one: it may be long.
    return pg_catalog.format(
        'select b.base, f.distance, %1$s, f.vector, f.chunk '
        'from ('
        'select g.* from ('
        'select distinct on (relation, place) c.* from ('
        'select %2$s.tableoid as relation, %2$s.ctid as place, %3$s as distance, %4$s as vector, %5$s as chunk, '
        '%6$s as hash, %7$s as passes%8$s from %9$s where %10$s is not null%11$s%12$s'
        ') as c where c.passes order by relation, place, distance'
        ') as g order by %13$s'
        ') as f '
        'cross join lateral ('
        'select row(sqlembed_base.*)::%14$s as base from %15$s as sqlembed_base '
        'where sqlembed_base.tableoid operator(pg_catalog.=) f.relation '
        'and sqlembed_base.ctid operator(pg_catalog.=) f.place and %16$s%17$s offset 0'
        ') as b order by f.%18$s limit $2',
        _chunk_statement.attempt,
        target.row_name,
        -- In relaxed order an index knows distances only nearly, and PostgreSQL would take its word.
        case _chunk_statement.attempt
            when 1 then target.distance
            else pg_catalog.format('(%s) operator(pg_catalog.+) ''0''::pg_catalog.float8', target.distance)
        end,
        case
            when _chunk_statement.with_vectors then pg_catalog.format('(%s)::public.vector', target.vector)
            else 'null::public.vector'
        end,
        target.chunk,
        target.hash,
        case when is_counting then 'true' || conditions else 'true' end,
        keys,
        target.from_clause,
        target.vector,
        case when is_counting then '' else conditions end,
        first_ones,
        order_by,
        target.row_type,
        target.relation,
        sqlembed._is_current(target, 'f.hash', 'sqlembed_base'),
        _chunk_statement.later,
        pg_catalog.replace(order_by, ', ', ', f.')
    );
end
$function$;

comment on function sqlembed._chunk_statement(
    sqlembed.search_target, text, integer, sqlembed.search_path, text, boolean
) is
    'As _search_statement, where the vectors are those of chunks: each row once, with its best one. The conditions are those on a chunk and its row, later ones are on a row and its best chunk f.';
