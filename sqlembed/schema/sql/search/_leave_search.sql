create or replace function sqlembed._leave_search(before text[]) returns void
language plpgsql
stable
as $function$
declare
    ignored pg_catalog.text;
begin
    -- An error undoes settings by itself, the end of a function only those that it was created with.
    ignored := pg_catalog.set_config('hnsw.ef_search', _leave_search.before[1], true);
    if _leave_search.before[2] operator(pg_catalog.<>) pg_catalog.current_setting('hnsw.iterative_scan', true) then
        ignored := pg_catalog.set_config('hnsw.iterative_scan', _leave_search.before[2], true);
    end if;
    if _leave_search.before[3] operator(pg_catalog.=) 'off' then
        ignored := pg_catalog.set_config('ivfflat.iterative_scan', 'off', true);
    end if;
    if _leave_search.before[4] operator(pg_catalog.=) '20000' then
        ignored := pg_catalog.set_config('hnsw.max_scan_tuples', '20000', true);
    end if;
end
$function$;

comment on function sqlembed._leave_search(text[]) is 'Bring back the settings from before _enter_search.';
