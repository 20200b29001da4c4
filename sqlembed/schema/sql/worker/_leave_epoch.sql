create or replace function sqlembed._leave_epoch(worker integer, next integer) returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select pg_advisory_unlock(
        sqlembed._lock('epoch'),
        sqlembed._epoch_key(_leave_epoch.worker, (_leave_epoch.next + 65535) % 65536)
    )
$function$;

comment on function sqlembed._leave_epoch(integer, integer) is
    'Let go of the lock that callers wait for, once the answers are committed.';

revoke execute on function sqlembed._leave_epoch(integer, integer) from public;
