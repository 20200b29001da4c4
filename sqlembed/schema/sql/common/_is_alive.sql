create or replace function sqlembed._is_alive(worker integer) returns boolean
language sql
volatile
set search_path = pg_catalog, pg_temp
as $function$
    -- One probe a worker, cheaper than reading pg_locks; the shared lock goes with the transaction.
    select not pg_try_advisory_xact_lock_shared(sqlembed._lock('presence'), _is_alive.worker)
$function$;

comment on function sqlembed._is_alive(integer) is
    'Whether a worker still holds its presence lock.';

revoke execute on function sqlembed._is_alive(integer) from public;
