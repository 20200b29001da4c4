create or replace function sqlembed._stop_worker(worker integer) returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select sqlembed._end_lease(l.id, l.keys) from sqlembed.lease as l where l.worker = _stop_worker.worker;
    with held as materialized (
        select j.embedding, j.key
        from sqlembed.job as j
        where j.worker = _stop_worker.worker
        for update skip locked
    )
    update sqlembed.job as j
    set locked_until = null, worker = null
    from held as h
    where j.embedding = h.embedding and j.key = h.key;
    -- No attempt failed.
    update sqlembed.cluster_job as c set worker = null, attempts = greatest(c.attempts - 1, 0) where c.worker = _stop_worker.worker;
    delete from sqlembed.worker_process as w where w.id = _stop_worker.worker;
$function$;

comment on function sqlembed._stop_worker(integer) is
    'Sign a worker out and give back the jobs it has in hand.';

revoke execute on function sqlembed._stop_worker(integer) from public;
