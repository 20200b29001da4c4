create or replace function sqlembed._fail_jobs(
    worker integer,
    embedding integer,
    keys jsonb[],
    errors text[],
    max_attempts integer
)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
declare
    failed record;
    charged integer;
    given_up bigint := 0;
begin
    for failed in select f.* from unnest(_fail_jobs.keys, _fail_jobs.errors) as f (key, error)
    loop
        select j.attempts + 1
        into charged
        from sqlembed.job as j
        where j.embedding = _fail_jobs.embedding and j.key = failed.key and j.worker = _fail_jobs.worker
        for update skip locked;
        continue when not found;
        if charged < _fail_jobs.max_attempts then
            update sqlembed.job as j
            set
                attempts = charged,
                error = failed.error,
                locked_until = null,
                worker = null,
                -- 1, 2, 4 … seconds, up to half as much again so that failures do not return together.
                not_before = clock_timestamp() + least(2 ^ (charged - 1), 3600) * (1 + random() / 2) * interval '1 s'
            where j.embedding = _fail_jobs.embedding and j.key = failed.key;
            continue;
        end if;
        delete from sqlembed.job as j where j.embedding = _fail_jobs.embedding and j.key = failed.key;
        insert into sqlembed.failed_job (embedding, key, attempts, error)
        values (_fail_jobs.embedding, failed.key, charged, failed.error)
        on conflict (embedding, md5(key::text)) do update
        set attempts = excluded.attempts, error = excluded.error, failed_at = clock_timestamp();
        given_up := given_up + 1;
    end loop;
    return given_up;
end
$function$;

comment on function sqlembed._fail_jobs(integer, integer, jsonb[], text[], integer) is
    'Charge rows with a failed attempt each; after the last one a row is given up. Returns how many were.';

revoke execute on function sqlembed._fail_jobs(integer, integer, jsonb[], text[], integer) from public;
