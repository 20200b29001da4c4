create or replace function sqlembed._fold_changes(
    worker integer,
    embedders text[],
    most integer[],
    without integer[],
    lease interval,
    out taken bigint,
    out embedding integer,
    out revision text,
    out keys jsonb[]
)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    at_once integer;
begin
    -- New jobs of the embedding whose change is the oldest go straight to the worker.
    select e.id, e.xmin::text, s.most
    into _fold_changes.embedding, _fold_changes.revision, at_once
    from (select c.embedding from sqlembed.change as c order by c.id limit 1) as oldest
    join sqlembed.embedding as e on e.id = oldest.embedding
    join unnest(_fold_changes.embedders, _fold_changes.most) as s (name, most) on s.name = e.embedder
    where e.id <> all (_fold_changes.without);

    loop
        begin
            with taken as (
                delete from sqlembed.change as c
                where c.id = any (
                    array(
                        select d.id
                        from sqlembed.change as d
                        order by d.id
                        limit greatest(1000, at_once)
                        for update skip locked
                    )
                )
                returning c.id, c.embedding, c.key, c.changed_at
            ),
            revived as (
                -- A changed row deserves new attempts.
                delete from sqlembed.failed_job as f
                using taken as t
                where f.embedding = t.embedding and f.key = t.key
            ),
            waiting as (
                select
                    t.embedding,
                    t.key,
                    min(t.changed_at) as changed_at,
                    t.embedding is not distinct from _fold_changes.embedding
                        and row_number() over (partition by t.embedding order by min(t.id)) <= at_once as is_mine
                from taken as t
                join sqlembed.embedding as e on e.id = t.embedding
                group by t.embedding, t.key
            ),
            folded as (
                insert into sqlembed.job as j (embedding, key, changed_at, worker, locked_until)
                select
                    w.embedding,
                    w.key,
                    w.changed_at,
                    case when w.is_mine then _fold_changes.worker end,
                    case when w.is_mine then clock_timestamp() + _fold_changes.lease end
                from waiting as w
                -- One order for all workers, so that two of them cannot deadlock.
                order by w.embedding, w.key
                on conflict on constraint one_job_a_row do update
                set
                    attempts = 0,
                    not_before = least(j.not_before, clock_timestamp()),
                    changed_at = least(j.changed_at, excluded.changed_at),
                    error = null,
                    -- Whoever has it in hand works on an older text: it is no longer theirs to finish.
                    locked_until = null,
                    worker = null
                returning j.key, j.worker
            )
            select (select count(*) from taken), array_agg(f.key) filter (where f.worker is not null)
            into _fold_changes.taken, _fold_changes.keys
            from folded as f;
            return;
        exception when program_limit_exceeded then
            -- An index takes keys of some length only, and one that is longer must not stop all others.
            if sqlembed._refuse_long_keys(greatest(1000, at_once)) = 0 then
                raise;
            end if;
        end;
    end loop;
end
$function$;

comment on function sqlembed._fold_changes(integer, text[], integer[], integer[], interval) is
    'Turn the oldest changes into jobs, one a row and embedding. Returns how many changes it took, and the keys of one embedding whose new jobs it leased to the worker, as _claim_jobs does.';

revoke execute on function sqlembed._fold_changes(integer, text[], integer[], integer[], interval) from public;
