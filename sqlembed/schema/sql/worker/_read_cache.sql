create or replace function sqlembed._read_cache(fingerprint text, kind text, hashes bytea[])
returns table (input_hash bytea, embedding public.vector)
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
set jit = off
-- Rows are found one by one through the primary key, whatever the planner's statistics say.
set enable_seqscan = off
as $function$
    with found as materialized (
        select c.ctid as place, c.input_hash, c.embedding, c.used_at
        from sqlembed.cache as c
        where c.fingerprint = _read_cache.fingerprint
            and c.kind = _read_cache.kind
            and c.input_hash = any (_read_cache.hashes)
    ),
    -- To the hour: what is read all the time is not written all the time.
    touched as (
        update sqlembed.cache as c
        set used_at = clock_timestamp()
        where c.ctid = any (
            array(
                select d.ctid
                from sqlembed.cache as d
                where d.ctid = any (
                    array(select f.place from found as f where f.used_at < clock_timestamp() - interval '1 h')
                )
                for no key update skip locked
            )
        )
    )
    select f.input_hash, f.embedding from found as f
$function$;

comment on function sqlembed._read_cache(text, text, bytea[]) is
    'Vectors already computed, by the sha256 of their texts; notes that they are used.';

revoke execute on function sqlembed._read_cache(text, text, bytea[]) from public;
