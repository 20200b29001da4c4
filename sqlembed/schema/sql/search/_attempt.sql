create or replace function sqlembed._attempt(
    source anyelement,
    query public.vector,
    k integer,
    relation regclass,
    filter text,
    statement text,
    exact_statement text
)
returns table (base anyelement, distance double precision, key jsonb, place tid, attempt integer)
language plpgsql
stable
rows 10
as $function$
declare
    found_rows bigint := 0;
    ef_search text;
    hnsw_scan text;
    ivfflat_scan text;
    problem text;
    pg_hint text;
begin
    -- Besides, a function of pgvector has to run before its settings are there.
    if public.vector_dims(_attempt.query) is null then
        return;
    end if;
    ef_search := pg_catalog.current_setting('hnsw.ef_search');
    -- pgvector has these since 0.8.
    hnsw_scan := pg_catalog.current_setting('hnsw.iterative_scan', true);
    ivfflat_scan := pg_catalog.current_setting('ivfflat.iterative_scan', true);

    -- On random vectors, the hardest case, 40 candidates had 0.90 of the nearest 10, 100 had 0.99.
    perform pg_catalog.set_config(
        'hnsw.ef_search',
        least(
            1000,
            greatest(60 operator(pg_catalog.+) (4 operator(pg_catalog.*) least(_attempt.k, 235)), ef_search::integer)
        )::text,
        true
    );
    -- So that a scan goes on until k rows pass the filter; relaxed_order finds more of the nearest
    -- than strict_order.
    if hnsw_scan operator(pg_catalog.=) 'off' then
        perform pg_catalog.set_config('hnsw.iterative_scan', 'relaxed_order', true);
    end if;
    if ivfflat_scan operator(pg_catalog.=) 'off' then
        perform pg_catalog.set_config('ivfflat.iterative_scan', 'relaxed_order', true);
    end if;

    if _attempt.statement is not null then
        return query execute _attempt.statement using _attempt.query, _attempt.k;
        get diagnostics found_rows = row_count;
    end if;
    -- An index may give up before it has found k of the rows that pass the filter.
    if found_rows operator(pg_catalog.<) _attempt.k then
        return query execute _attempt.exact_statement using _attempt.query, _attempt.k;
    end if;

    -- An error undoes settings by itself, the end of a function only those that it was created with.
    perform pg_catalog.set_config('hnsw.ef_search', ef_search, true);
    if hnsw_scan operator(pg_catalog.=) 'off' then
        perform pg_catalog.set_config('hnsw.iterative_scan', 'off', true);
    end if;
    if ivfflat_scan operator(pg_catalog.=) 'off' then
        perform pg_catalog.set_config('ivfflat.iterative_scan', 'off', true);
    end if;
exception
    when others then
        get stacked diagnostics problem = message_text, pg_hint = pg_exception_hint;
        perform sqlembed._explain_failure(
            sqlstate, problem, pg_hint, _attempt.relation, _attempt.filter, public.vector_dims(_attempt.query)
        );
        raise;
end
$function$;

comment on function sqlembed._attempt(anyelement, public.vector, integer, regclass, text, text, text) is
    'Rows that a vector index finds as attempt 1, and where those are fewer than k, the rows found without it as attempt 2. The filter runs with the rights and the search_path of the caller.';
