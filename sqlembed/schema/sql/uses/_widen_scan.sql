create or replace function sqlembed._widen_scan(k integer, out ef_search text, out hnsw_scan text, out ivfflat_scan text)
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
begin
    -- A function of pgvector has to run before its settings are there.
    perform public.vector_dims('[1]'::public.vector);
    ef_search := current_setting('hnsw.ef_search');
    -- pgvector has these since 0.8.
    hnsw_scan := current_setting('hnsw.iterative_scan', true);
    ivfflat_scan := current_setting('ivfflat.iterative_scan', true);
    perform set_config('hnsw.ef_search', least(1000, greatest(60 + 4 * least(_widen_scan.k, 235), ef_search::integer))::text, true);
    if hnsw_scan = 'off' then
        perform set_config('hnsw.iterative_scan', 'relaxed_order', true);
    end if;
    if ivfflat_scan = 'off' then
        perform set_config('ivfflat.iterative_scan', 'relaxed_order', true);
    end if;
end
$function$;

comment on function sqlembed._widen_scan(integer) is
    'Make vector indexes look for k rows that pass a filter; returns the settings as they were, for _restore_scan. An error undoes them by itself.';
