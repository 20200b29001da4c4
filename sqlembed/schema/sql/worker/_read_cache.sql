create or replace function sqlembed._read_cache(fingerprint text, kind text, hashes bytea[])
returns table (input_hash bytea, embedding public.vector)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select c.input_hash, c.embedding
    from sqlembed.cache as c
    where c.fingerprint = _read_cache.fingerprint
        and c.kind = _read_cache.kind
        and c.input_hash = any (_read_cache.hashes)
$function$;

comment on function sqlembed._read_cache(text, text, bytea[]) is 'Vectors already computed, by the sha256 of their texts.';

revoke execute on function sqlembed._read_cache(text, text, bytea[]) from public;
