create or replace function sqlembed._enter_search(path sqlembed.search_path, out before text[])
language plpgsql
stable
as $function$
declare
    -- Assigned to, because PERFORM takes several times as long.
    ignored pg_catalog.text;
begin
    -- Those of iterative scans are there since pgvector 0.8.
    before := array[
        pg_catalog.current_setting('hnsw.ef_search'),
        pg_catalog.current_setting('hnsw.iterative_scan', true),
        pg_catalog.current_setting('ivfflat.iterative_scan', true),
        pg_catalog.current_setting('hnsw.max_scan_tuples', true)
    ];
    if before[1]::integer operator(pg_catalog.<) (_enter_search.path).ef_search then
        ignored := pg_catalog.set_config('hnsw.ef_search', (_enter_search.path).ef_search::text, true);
    end if;
    -- So that a scan goes on until k rows pass the filter; relaxed_order finds more of the nearest
    -- than strict_order.
    if before[2] operator(pg_catalog.<>) 'off' and not (_enter_search.path).is_iterative then
        ignored := pg_catalog.set_config('hnsw.iterative_scan', 'off', true);
    end if;
    if before[2] operator(pg_catalog.=) 'off' and (_enter_search.path).is_iterative then
        ignored := pg_catalog.set_config('hnsw.iterative_scan', 'relaxed_order', true);
    end if;
    if before[3] operator(pg_catalog.=) 'off' then
        ignored := pg_catalog.set_config('ivfflat.iterative_scan', 'relaxed_order', true);
    end if;
    -- A limit of the caller's own stands; pgvector's was made for no table in particular.
    if before[4] operator(pg_catalog.=) '20000' and (_enter_search.path).max_scan_tuples is not null then
        ignored := pg_catalog.set_config('hnsw.max_scan_tuples', (_enter_search.path).max_scan_tuples::text, true);
    end if;
end
$function$;

comment on function sqlembed._enter_search(sqlembed.search_path) is
    'Make the settings with which a search goes through an index; gives those from before, for _leave_search.';
