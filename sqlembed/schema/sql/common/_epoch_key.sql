create or replace function sqlembed._epoch_key(worker integer, epoch integer) returns integer
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
    select (_epoch_key.worker % 32768) * 65536 + _epoch_key.epoch % 65536
$function$;

comment on function sqlembed._epoch_key(integer, integer) is
    'Second key of the lock that a worker holds until its next answers are there. Two workers that share one wake each other''s callers too early, which costs them another look.';
