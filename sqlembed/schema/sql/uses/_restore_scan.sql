create or replace function sqlembed._restore_scan(ef_search text, hnsw_scan text, ivfflat_scan text) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform set_config('hnsw.ef_search', _restore_scan.ef_search, true);
    if _restore_scan.hnsw_scan is not null then
        perform set_config('hnsw.iterative_scan', _restore_scan.hnsw_scan, true);
    end if;
    if _restore_scan.ivfflat_scan is not null then
        perform set_config('ivfflat.iterative_scan', _restore_scan.ivfflat_scan, true);
    end if;
end
$function$;

comment on function sqlembed._restore_scan(text, text, text) is
    'Put the settings of vector indexes back as _widen_scan found them.';
