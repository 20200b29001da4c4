create or replace function sqlembed._sweep(cache_rows bigint) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
begin
    delete from sqlembed.request as r where r.asked_at < clock_timestamp() - interval '30 s';
    delete from sqlembed.cache as c
    where (c.fingerprint, c.kind, c.input_hash) in (
        select d.fingerprint, d.kind, d.input_hash
        from sqlembed.cache as d
        order by d.used_at desc
        offset _sweep.cache_rows
    );

    -- A lease ends with its worker.
    update sqlembed.job as j
    set locked_until = null, worker = null
    where j.locked_until is not null
        and not exists (
            select from sqlembed.worker_process as w where w.id = j.worker and sqlembed._is_alive(w.id)
        );

    -- PostgreSQL tells only superusers that a table or a column was dropped: look for them.
    delete from sqlembed.embedding as e
    where not exists (
        select
        from pg_attribute as a
        where a.attrelid = e.relation and a.attname = e.name and not a.attisdropped
    );
end
$function$;

comment on function sqlembed._sweep(bigint) is
    'Housekeeping: old requests, the oldest of the cache beyond a number of rows, leases of dead workers, embeddings whose table or column was dropped.';

revoke execute on function sqlembed._sweep(bigint) from public;
