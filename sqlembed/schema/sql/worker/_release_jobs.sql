create or replace function sqlembed._release_jobs(
    worker integer,
    embedding integer,
    keys jsonb[],
    delay interval,
    error text default null
)
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
    set
        locked_until = null,
        worker = null,
        not_before = clock_timestamp() + _release_jobs.delay,
        error = coalesce(_release_jobs.error, j.error)
    where j.ctid = any (
        array(
            select h.ctid
            from unnest(_release_jobs.keys) as k (key)
            cross join lateral (
                select j.ctid
                from sqlembed.job as j
                where j.embedding = _release_jobs.embedding and j.key = k.key and j.worker = _release_jobs.worker
                for update skip locked
            ) as h
        )
    )
$function$;

comment on function sqlembed._release_jobs(integer, integer, jsonb[], interval, text) is
    'Give jobs back, to be tried again after a delay: no row is charged.';

revoke execute on function sqlembed._release_jobs(integer, integer, jsonb[], interval, text) from public;
