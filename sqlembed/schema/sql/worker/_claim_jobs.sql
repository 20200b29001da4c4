create or replace function sqlembed._claim_jobs(
    worker integer,
    embedders text[],
    most integer[],
    without integer[],
    lease interval,
    of_generations boolean default false
)
returns table (embedding integer, revision text, key jsonb)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set jit = off
-- Through the index in any case: the queue's size changes too fast for the planner's statistics.
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
as $function$
declare
    chosen record;
begin
    -- Every embedding in its turn: the one whose due job has waited longest.
    select e.id, e.xmin::text as revision, least(s.most, e.rows_per_second) as most
    into chosen
    from unnest(_claim_jobs.embedders, _claim_jobs.most) as s (name, most)
    join sqlembed.embedding as e on e.embedder = s.name
    cross join lateral (
        select j.not_before
        from sqlembed.job as j
        where j.embedding = e.id and j.worker is null and j.not_before <= clock_timestamp()
        order by j.not_before
        limit 1
    ) as due
    where e.id <> all (_claim_jobs.without) and (e.generation <> 'current') = _claim_jobs.of_generations
    order by due.not_before
    limit 1;

    return query
    update sqlembed.job as j
    set locked_until = clock_timestamp() + _claim_jobs.lease, worker = _claim_jobs.worker
    where j.ctid = any (
        array(
            select d.ctid
            from sqlembed.job as d
            where d.embedding = chosen.id and d.worker is null and d.not_before <= clock_timestamp()
            order by d.not_before
            limit chosen.most
            for update skip locked
        )
    )
    returning j.embedding, chosen.revision, j.key;
end
$function$;

comment on function sqlembed._claim_jobs(integer, text[], integer[], integer[], interval, boolean) is
    'Lease due jobs of one embedding to a worker, at most as many as it takes of its embedder, and not of those it leaves alone; of current embeddings, or of the generations beside them. The revision changes with the row of the embedding.';

revoke execute on function sqlembed._claim_jobs(integer, text[], integer[], integer[], interval, boolean) from public;
