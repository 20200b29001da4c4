create or replace function sqlembed._next_epoch(worker integer) returns integer
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    upcoming integer;
begin
    select (w.epoch + 1) % 65536 into upcoming from sqlembed.worker_process as w where w.id = _next_epoch.worker;
    -- Taken before the answers are visible: whoever sees the new epoch finds its lock held. Never
    -- waited for: advisory locks are everybody's, and one that a stranger holds would stop the worker.
    if not pg_try_advisory_lock(sqlembed._lock('epoch'), sqlembed._epoch_key(_next_epoch.worker, upcoming)) then
        return null;
    end if;
    update sqlembed.worker_process as w set epoch = upcoming where w.id = _next_epoch.worker;
    return upcoming;
end
$function$;

comment on function sqlembed._next_epoch(integer) is
    'Open a worker''s next epoch, in the transaction that stores answers. After its commit the worker calls _leave_epoch. NULL when it could not: then callers find their answer at their next look.';

revoke execute on function sqlembed._next_epoch(integer) from public;
