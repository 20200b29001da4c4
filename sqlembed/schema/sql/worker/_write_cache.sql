create or replace function sqlembed._write_cache(fingerprint text, kind text, hashes bytea[], vectors public.vector[])
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
    insert into sqlembed.cache (fingerprint, kind, input_hash, embedding)
    select distinct on (u.hash) _write_cache.fingerprint, _write_cache.kind, u.hash, u.vector
    from unnest(_write_cache.hashes, _write_cache.vectors) as u (hash, vector)
    order by u.hash
    on conflict (fingerprint, kind, input_hash) do update
    set used_at = clock_timestamp()
$function$;

comment on function sqlembed._write_cache(text, text, bytea[], public.vector[]) is
    'Keep vectors for the next time the same texts are asked for.';

revoke execute on function sqlembed._write_cache(text, text, bytea[], public.vector[]) from public;
