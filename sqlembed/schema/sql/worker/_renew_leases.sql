create or replace function sqlembed._renew_leases(worker integer, embedding integer, keys jsonb[], lease interval)
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
set jit = off
-- Rows are found one by one through the primary key: the queue's size changes too fast for the
-- planner's statistics, and the wrong join takes seconds.
set enable_seqscan = off
set enable_bitmapscan = off
as $function$
    update sqlembed.job as j
    set locked_until = clock_timestamp() + _renew_leases.lease
    where j.ctid = any (
        array(
            select h.ctid
            from unnest(_renew_leases.keys) as k (key)
            cross join lateral (
                select j.ctid
                from sqlembed.job as j
                where j.embedding = _renew_leases.embedding and j.key = k.key and j.worker = _renew_leases.worker
                for update skip locked
            ) as h
        )
    )
$function$;

comment on function sqlembed._renew_leases(integer, integer, jsonb[], interval) is
    'Keep the jobs that a worker has in hand from being leased to another.';

revoke execute on function sqlembed._renew_leases(integer, integer, jsonb[], interval) from public;
