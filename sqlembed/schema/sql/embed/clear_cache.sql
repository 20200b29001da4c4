create or replace function sqlembed.clear_cache(embedder text default null) returns bigint
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    known sqlembed.embedder;
    gone bigint;
begin
    if clear_cache.embedder is not null then
        select e.* into known from sqlembed.embedder as e where e.name = clear_cache.embedder;
        if known.name is null then
            raise exception 'sqlembed: unknown embedder %', quote_literal(clear_cache.embedder)
                using errcode = 'SE001', hint = 'See: select embedder, fingerprint from sqlembed.cache_use.';
        end if;
    end if;
    delete from sqlembed.cache as c
    where clear_cache.embedder is null or c.fingerprint = known.fingerprint;
    get diagnostics gone = row_count;
    return gone;
end
$function$;

comment on function sqlembed.clear_cache(text) is
    'Forget the vectors in the cache, those of one embedder or all; returns how many. The vectors of rows stay. For the owner of sqlembed.';

revoke execute on function sqlembed.clear_cache(text) from public;
