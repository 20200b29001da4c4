create or replace function sqlembed.explain_search(
    relation anyelement,
    query public.vector,
    k integer default 10,
    embedding name default null,
    filter text default null,
    mode text default 'vector',
    metric text default null,
    out path text,
    out reason text,
    out index_name text,
    out rows_found bigint,
    out rows_visited bigint,
    out total_rows bigint,
    out matching_rows bigint,
    out selectivity double precision,
    out ef_search integer,
    out iterative_scan text,
    out max_scan_tuples integer,
    out milliseconds double precision,
    out remarks text[]
)
language plpgsql
-- PostgreSQL refuses EXPLAIN in functions that are not.
volatile
as $function$
declare
    checked boolean := sqlembed._check_search(
        'explain_search', explain_search.k, explain_search.filter, explain_search.mode, null, null, null
    );
    target sqlembed.search_target := sqlembed._search_target(
        'explain_search', explain_search.relation, explain_search.embedding, explain_search.metric
    );
    chosen sqlembed.search_path;
    conditions text;
    settings text[];
    plan jsonb;
    nodes jsonb;
begin
    perform public.vector_dims('[1]'::public.vector);
    conditions := sqlembed._search_conditions(target, explain_search.filter, null, null, null);
    chosen := sqlembed._search_path(
        target, explain_search.query, explain_search.k, explain_search.mode, conditions, null, null, null, null
    );
    explain_search.reason := chosen.reason;
    explain_search.milliseconds := 0;
    explain_search.rows_visited := 0;
    explain_search.rows_found := 0;
    for attempt in case when chosen.is_exact then 2 else 1 end..2 loop
        if attempt operator(pg_catalog.=) 1 then
            settings := sqlembed._enter_search(chosen);
            explain_search.ef_search := pg_catalog.current_setting('hnsw.ef_search');
            explain_search.iterative_scan := pg_catalog.current_setting('hnsw.iterative_scan', true);
            explain_search.max_scan_tuples := pg_catalog.current_setting('hnsw.max_scan_tuples', true);
        elsif explain_search.path is not null then
            explain_search.path := explain_search.path || ', then exact';
            explain_search.reason := explain_search.reason || '; the first attempt gave too few rows';
        else
            explain_search.path := 'exact';
        end if;
        execute 'explain (analyze, format json) '
            || sqlembed._search_statement(target, conditions, attempt, chosen)
        into plan
        using explain_search.query, explain_search.k, null::pg_catalog.float8, null::jsonb, null::tid, null::oid;
        if attempt operator(pg_catalog.=) 1 then
            perform sqlembed._leave_search(settings);
        end if;
        nodes := pg_catalog.jsonb_path_query_array(plan, 'strict $[0].Plan.** ? (exists (@."Relation Name"))');
        explain_search.rows_found := (plan operator(pg_catalog.#>) '{0,Plan,Actual Rows}')::pg_catalog.float8;
        explain_search.milliseconds := explain_search.milliseconds
            operator(pg_catalog.+) (plan operator(pg_catalog.#>) '{0,Execution Time}')::pg_catalog.float8;
        explain_search.rows_visited := explain_search.rows_visited operator(pg_catalog.+) (
            select coalesce(
                pg_catalog.sum(
                    (
                        (n operator(pg_catalog.->>) 'Actual Rows')::pg_catalog.float8
                        operator(pg_catalog.+)
                        coalesce((n operator(pg_catalog.->>) 'Rows Removed by Filter')::pg_catalog.float8, 0)
                    )
                    operator(pg_catalog.*) (n operator(pg_catalog.->>) 'Actual Loops')::pg_catalog.float8
                ),
                0
            )
            from pg_catalog.jsonb_array_elements(nodes) as n
        );
        if explain_search.path is null then
            -- Only a scan in the order of distances goes through a vector index.
            explain_search.index_name := pg_catalog.jsonb_path_query_first(
                nodes, 'strict $[*] ? (exists (@."Order By"))."Index Name"'
            ) operator(pg_catalog.#>>) '{}';
            explain_search.path := case
                when explain_search.index_name is null then 'exact'
                when chosen.visits is null or conditions operator(pg_catalog.=) '' then 'index'
                else 'iterative'
            end;
            if explain_search.index_name is null and attempt operator(pg_catalog.=) 1 then
                explain_search.reason := 'PostgreSQL finds comparing every row cheaper, or no index serves the search';
            end if;
        end if;
        exit when explain_search.rows_found operator(pg_catalog.>=) explain_search.k
            -- Complete, because every row was compared.
            or explain_search.path operator(pg_catalog.=) 'exact';
    end loop;
    explain_search.total_rows := coalesce(chosen.total_rows, sqlembed._estimated_rows(target.relation));
    explain_search.matching_rows := coalesce(chosen.matching_rows, explain_search.total_rows);
    explain_search.selectivity := explain_search.matching_rows::pg_catalog.float8
        operator(pg_catalog./) nullif(explain_search.total_rows, 0);
    explain_search.remarks := sqlembed._search_remarks(target);
end
$function$;

comment on function sqlembed.explain_search(anyelement, public.vector, integer, name, text, text, text) is
    'Run a search and say which way it took and why: index, iterative (an index that goes on until k rows have passed the filter) or exact; its settings; how many rows there are, pass the filter (both estimated) and were visited; and in remarks what keeps the search from being fast or complete.';
