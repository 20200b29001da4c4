create or replace function sqlembed._renew_leases(worker integer, lease interval) returns void
language sql
volatile
set search_path = pg_catalog, pg_temp
as $function$
    update sqlembed.job as j
    set locked_until = clock_timestamp() + _renew_leases.lease
    where j.worker = _renew_leases.worker and j.locked_until is not null
$function$;

comment on function sqlembed._renew_leases(integer, interval) is
    'Keep the jobs that a worker has in hand from being leased to another.';

revoke execute on function sqlembed._renew_leases(integer, interval) from public;
