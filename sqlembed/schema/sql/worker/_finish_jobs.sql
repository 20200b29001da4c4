create or replace function sqlembed._finish_jobs(worker integer, embedding integer, keys jsonb[], versions bigint[])
returns void
language sql
volatile
set search_path = pg_catalog, pg_temp
as $function$
    delete from sqlembed.job as j
    using unnest(_finish_jobs.keys, _finish_jobs.versions) as d (key, version)
    where j.embedding = _finish_jobs.embedding
        and j.key = d.key
        and j.version = d.version
        and j.worker = _finish_jobs.worker
$function$;

comment on function sqlembed._finish_jobs(integer, integer, jsonb[], bigint[]) is
    'Remove jobs that are done, but for those that a later change has raised.';

revoke execute on function sqlembed._finish_jobs(integer, integer, jsonb[], bigint[]) from public;
