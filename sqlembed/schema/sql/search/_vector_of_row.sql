create or replace function sqlembed._vector_of_row(
    target sqlembed.search_target,
    key jsonb,
    out vector public.vector,
    out place tid,
    out place_table oid
)
language plpgsql
stable
as $function$
declare
    relation regclass := (_vector_of_row.target).relation;
begin
    perform sqlembed._check_key(relation, 'key', _vector_of_row.key);
    begin
        execute pg_catalog.format(
            'select r.ctid, r.tableoid from %s as r cross join (select $1 as key) as k where %s',
            relation, (select s.match from sqlembed._key_sql(relation) as s)
        )
        into _vector_of_row.place, _vector_of_row.place_table
        using _vector_of_row.key;
    exception
        when data_exception then
            raise exception 'sqlembed: key % does not fit %: %', _vector_of_row.key, relation, sqlerrm
                using errcode = 'SE014', hint = 'Give the values of the primary key, in its order.';
    end;
    if _vector_of_row.place is null then
        raise exception 'sqlembed: % has no row with the key %', relation, _vector_of_row.key
            using errcode = 'SE014', hint = 'It may be gone, or hidden by row level security.';
    end if;
    execute pg_catalog.format(
        'select %1$s from %2$s '
        'where %3$s.ctid operator(pg_catalog.=) $1 and %3$s.tableoid operator(pg_catalog.=) $2',
        case
            when (_vector_of_row.target).chunk is null
            then pg_catalog.format('(%s)::public.vector', (_vector_of_row.target).vector)
            -- What a whole text is about.
            else pg_catalog.format('public.avg((%s)::public.vector)', (_vector_of_row.target).vector)
        end,
        (_vector_of_row.target).from_clause, (_vector_of_row.target).row_name
    )
    into _vector_of_row.vector
    using _vector_of_row.place, _vector_of_row.place_table;
    if _vector_of_row.vector is null then
        raise exception 'sqlembed: the row with the key % of % has no vector', _vector_of_row.key, relation
            using errcode = 'SE013',
                hint = 'Either it waits for a worker (call sqlembed.wait_until_embedded), or there is no text in it.';
    end if;
end
$function$;

comment on function sqlembed._vector_of_row(sqlembed.search_target, jsonb) is
    'The vector of the row with a key, and where the row is; an error when there is no such row or no vector.';
