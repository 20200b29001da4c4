create or replace function sqlembed._attempt(
    function_name text,
    source anyelement,
    query public.vector,
    k integer,
    name name,
    filter text,
    mode text,
    metric text,
    diversity double precision,
    after_distance double precision,
    after_key jsonb,
    excluded tid,
    excluded_table oid,
    with_vectors boolean
)
returns table (
    base anyelement,
    distance double precision,
    attempt integer,
    embedding public.vector,
    chunk text
)
language plpgsql
stable
rows 10
as $function$
declare
    checked boolean := sqlembed._check_search(
        _attempt.function_name, _attempt.k, _attempt.filter, _attempt.mode, _attempt.diversity, _attempt.after_distance,
        _attempt.after_key
    );
    target sqlembed.search_target;
    path sqlembed.search_path;
    conditions text;
    later text := '';
    found_rows bigint := 0;
    settings text[];
    ignored text;
    problem text;
    pg_hint text;
begin
    target := sqlembed._search_target(_attempt.function_name, _attempt.source, _attempt.name, _attempt.metric);
    -- Besides, a function of pgvector has to run before its settings are there.
    if public.vector_dims(_attempt.query) is null then
        return;
    end if;
    if _attempt.diversity is not null then
        return query
        select d.base, d.distance, 1, null::public.vector, d.chunk
        from sqlembed._diverse(
            _attempt.function_name, _attempt.source, _attempt.query, _attempt.k, _attempt.name, _attempt.filter,
            _attempt.mode, target.metric, _attempt.diversity, _attempt.excluded, _attempt.excluded_table
        ) as d;
        return;
    end if;

    conditions := sqlembed._search_conditions(
        target, _attempt.filter, _attempt.after_distance, _attempt.after_key, _attempt.excluded
    );
    if target.chunk is not null and _attempt.after_distance is not null then
        later := pg_catalog.format(
            ' and (f.distance operator(pg_catalog.>) $3 or f.distance operator(pg_catalog.=) $3 and (%s))',
            sqlembed._after_key(target.relation, 'sqlembed_base', _attempt.after_key)
        );
    end if;
    path := sqlembed._search_path(
        target, _attempt.query, _attempt.k, _attempt.mode, conditions, _attempt.after_distance, _attempt.after_key,
        _attempt.excluded, _attempt.excluded_table
    );

    if not path.is_exact then
        settings := sqlembed._enter_search(path);
        return query execute sqlembed._search_statement(target, conditions, 1, path, _attempt.with_vectors, later)
        using _attempt.query, _attempt.k, _attempt.after_distance, _attempt.after_key, _attempt.excluded,
            _attempt.excluded_table;
        get diagnostics found_rows = row_count;
        ignored := sqlembed._leave_search(settings);
    end if;
    -- An index may give up before it has found k of the rows that pass the filter.
    if found_rows operator(pg_catalog.<) _attempt.k then
        return query execute sqlembed._search_statement(target, conditions, 2, path, _attempt.with_vectors, later)
        using _attempt.query, _attempt.k, _attempt.after_distance, _attempt.after_key, _attempt.excluded,
            _attempt.excluded_table;
    end if;
exception
    when others then
        get stacked diagnostics problem = message_text, pg_hint = pg_exception_hint;
        perform sqlembed._explain_failure(
            sqlstate, problem, pg_hint, target.relation, _attempt.filter, public.vector_dims(_attempt.query)
        );
        raise;
end
$function$;

comment on function sqlembed._attempt(
    text, anyelement, public.vector, integer, name, text, text, text, double precision, double precision, jsonb, tid,
    oid, boolean
) is
    'Rows that a vector index finds as attempt 1, and where those are fewer than k, the rows found without it as attempt 2. The filter runs with the rights and the search_path of the caller.';
