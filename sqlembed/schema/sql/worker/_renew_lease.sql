create or replace function sqlembed._renew_lease(lease_id bigint, lease interval) returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
    update sqlembed.lease as l
    set locked_until = clock_timestamp() + _renew_lease.lease
    where l.id = any (
        array(select h.id from sqlembed.lease as h where h.id = _renew_lease.lease_id for update skip locked)
    )
$function$;

comment on function sqlembed._renew_lease(bigint, interval) is
    'Keep a batch of new jobs that a worker has in hand from being leased to another.';

revoke execute on function sqlembed._renew_lease(bigint, interval) from public;
