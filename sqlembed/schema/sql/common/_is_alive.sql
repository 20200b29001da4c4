create or replace function sqlembed._is_alive(worker integer) returns boolean
language sql
volatile
set search_path = pg_catalog, pg_temp
as $function$
    select exists (select from sqlembed.worker as w where w.id = _is_alive.worker)
$function$;

comment on function sqlembed._is_alive(integer) is
    'Whether a worker still holds its presence lock: it, and nobody who took the lock after its death.';
