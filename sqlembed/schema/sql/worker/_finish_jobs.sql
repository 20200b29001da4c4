create or replace function sqlembed._finish_jobs(worker integer, embedding integer, keys jsonb[]) returns void
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
    delete from sqlembed.job as j
    where j.ctid = any (
        array(
            select h.ctid
            from unnest(_finish_jobs.keys) as k (key)
            cross join lateral (
                select j.ctid
                from sqlembed.job as j
                where j.embedding = _finish_jobs.embedding and j.key = k.key and j.worker = _finish_jobs.worker
                for update skip locked
            ) as h
        )
    )
$function$;

comment on function sqlembed._finish_jobs(integer, integer, jsonb[]) is
    'Remove jobs that are done, but for those that a later change has taken from the worker.';

revoke execute on function sqlembed._finish_jobs(integer, integer, jsonb[]) from public;
