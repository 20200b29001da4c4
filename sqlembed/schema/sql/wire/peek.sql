create or replace function sqlembed_wire.peek(
    id bigint,
    ticket bytea,
    out done boolean,
    out result public.vector[],
    out error text,
    out epoch_key integer
)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    -- Epoch and answer are read in one snapshot: whoever sees no answer waits for the right lock.
    select r.done, r.result, r.error, sqlembed._epoch_key(r.worker, w.epoch)
    from sqlembed.request as r
    left join sqlembed.worker_process as w on w.id = r.worker
    where r.id = peek.id and r.ticket = peek.ticket
$function$;

comment on function sqlembed_wire.peek(bigint, bytea) is
    'The answer to a request if it is there, and the lock to wait for if it is not.';

revoke execute on function sqlembed_wire.peek(bigint, bytea) from public;
grant execute on function sqlembed_wire.peek(bigint, bytea) to sqlembed_loopback;
