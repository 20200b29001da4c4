create or replace function sqlembed._release_jobs(worker integer, embedding integer, delay interval, error text default null)
returns void
language sql
volatile
set search_path = pg_catalog, pg_temp
as $function$
    update sqlembed.job as j
    set
        locked_until = null,
        worker = null,
        not_before = clock_timestamp() + _release_jobs.delay,
        error = coalesce(_release_jobs.error, j.error)
    where j.embedding = _release_jobs.embedding and j.worker = _release_jobs.worker
$function$;

comment on function sqlembed._release_jobs(integer, integer, interval, text) is
    'Give back what is left of a batch, to be tried again after a delay: no row is charged.';

revoke execute on function sqlembed._release_jobs(integer, integer, interval, text) from public;
