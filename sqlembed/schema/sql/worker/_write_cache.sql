create or replace function sqlembed._write_cache(
    fingerprint text,
    kind text,
    hashes bytea[],
    vectors public.vector[],
    age interval default '0'
)
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
    insert into sqlembed.cache as c (fingerprint, kind, input_hash, embedding, used_at)
    select distinct on (u.hash)
        _write_cache.fingerprint, _write_cache.kind, u.hash, u.vector, clock_timestamp() - _write_cache.age
    from unnest(_write_cache.hashes, _write_cache.vectors) as u (hash, vector)
    order by u.hash
    on conflict (fingerprint, kind, input_hash) do update
    set used_at = excluded.used_at
    where c.used_at < excluded.used_at - interval '1 h'
$function$;

comment on function sqlembed._write_cache(text, text, bytea[], public.vector[], interval) is
    'Keep vectors for the next time the same texts are asked for; those of some age are the first to go.';

revoke execute on function sqlembed._write_cache(text, text, bytea[], public.vector[], interval) from public;
