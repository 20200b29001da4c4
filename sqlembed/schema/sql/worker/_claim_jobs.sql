create or replace function sqlembed._claim_jobs(
    worker integer,
    embedders text[],
    lease interval,
    most integer
)
returns table (embedding integer, key jsonb, version bigint, attempts integer)
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    chosen integer;
begin
    -- Every embedding in its turn: the one whose due job has waited longest.
    select e.id
    into chosen
    from sqlembed.embedding as e
    cross join lateral (
        select j.not_before
        from sqlembed.job as j
        where j.embedding = e.id
            and j.not_before <= clock_timestamp()
            and (j.locked_until is null or j.locked_until < clock_timestamp())
        order by j.not_before
        limit 1
    ) as due
    where e.embedder = any (_claim_jobs.embedders)
    order by due.not_before
    limit 1;

    return query
    with due as (
        select j.embedding, j.key
        from sqlembed.job as j
        where j.embedding = chosen
            and j.not_before <= clock_timestamp()
            and (j.locked_until is null or j.locked_until < clock_timestamp())
        order by j.not_before
        limit _claim_jobs.most
        for update skip locked
    )
    update sqlembed.job as j
    set locked_until = clock_timestamp() + _claim_jobs.lease, worker = _claim_jobs.worker
    from due as d
    where j.embedding = d.embedding and j.key = d.key
    returning j.embedding, j.key, j.version, j.attempts;
end
$function$;

comment on function sqlembed._claim_jobs(integer, text[], interval, integer) is
    'Lease due jobs of one embedding to a worker.';

revoke execute on function sqlembed._claim_jobs(integer, text[], interval, integer) from public;
