create or replace function sqlembed._fail_job(
    worker integer,
    embedding integer,
    key jsonb,
    version bigint,
    error text,
    max_attempts integer
)
returns boolean
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    charged integer;
begin
    update sqlembed.job as j
    set
        attempts = j.attempts + 1,
        error = _fail_job.error,
        locked_until = null,
        worker = null,
        -- 1, 2, 4 … seconds, up to half as much again so that failures do not return together.
        not_before = clock_timestamp() + least(2 ^ j.attempts, 3600) * (1 + random() / 2) * interval '1 s'
    where j.embedding = _fail_job.embedding
        and j.key = _fail_job.key
        and j.version = _fail_job.version
        and j.worker = _fail_job.worker
    returning j.attempts into charged;
    if charged is null or charged < _fail_job.max_attempts then
        return false;
    end if;

    delete from sqlembed.job as j where j.embedding = _fail_job.embedding and j.key = _fail_job.key;
    insert into sqlembed.failed_job (embedding, key, attempts, error)
    values (_fail_job.embedding, _fail_job.key, charged, _fail_job.error)
    on conflict on constraint failed_job_pkey do update
    set attempts = excluded.attempts, error = excluded.error, failed_at = clock_timestamp();
    return true;
end
$function$;

comment on function sqlembed._fail_job(integer, integer, jsonb, bigint, text, integer) is
    'Charge a row with a failed attempt; after the last one it is given up, which is what is returned.';

revoke execute on function sqlembed._fail_job(integer, integer, jsonb, bigint, text, integer) from public;
