create or replace function sqlembed._fold_changes(
    worker integer,
    embedders text[],
    most integer[],
    without integer[],
    lease interval,
    out taken bigint,
    out embedding integer,
    out revision text,
    out keys jsonb[],
    out lease_id bigint
)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set jit = off
as $function$
#variable_conflict use_column
declare
    at_once integer;
    folded_embeddings integer[];
    folded_keys jsonb[];
begin
    -- New jobs of the embedding whose change is the oldest go straight to the worker.
    select e.id, e.xmin::text, s.most
    into _fold_changes.embedding, _fold_changes.revision, at_once
    from (select c.embedding from sqlembed.change as c order by c.id limit 1) as oldest
    join sqlembed.embedding as e on e.id = oldest.embedding
    join unnest(_fold_changes.embedders, _fold_changes.most) as s (name, most) on s.name = e.embedder
    where e.id <> all (_fold_changes.without) and e.generation = 'current';

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
    refused as (
        -- PostgreSQL's own limit is a little higher, and nobody else is to wait for such a row.
        insert into sqlembed.failed_job (embedding, key, attempts, error)
        select distinct on (t.embedding, md5(t.key::text))
            t.embedding,
            t.key,
            0,
            format('sqlembed: the key of the row takes %s bytes, and a job''s key no more than 2600', pg_column_size(t.key))
        from taken as t
        join sqlembed.embedding as e on e.id = t.embedding
        where pg_column_size(t.key) > 2600
        on conflict (embedding, md5(key::text)) do update set failed_at = clock_timestamp()
    ),
    changed as (
        select
            t.embedding,
            t.key,
            min(t.changed_at) as changed_at,
            t.embedding is not distinct from _fold_changes.embedding
                and row_number() over (partition by t.embedding order by min(t.id)) <= at_once as is_wanted
        from taken as t
        where pg_column_size(t.key) <= 2600
        group by t.embedding, t.key
    ),
    waiting as (
        select c.embedding, c.key, c.changed_at, c.is_wanted and k.is_known is null as is_mine
        from changed as c
        -- One by one, whatever the planner takes the queue's size for.
        left join lateral (
            select true as is_known
            from sqlembed.job as j
            where j.embedding = c.embedding and j.key = c.key
            limit 1
        ) as k on c.is_wanted
    ),
    leased as (
        insert into sqlembed.lease as l (worker, embedding, keys, changed_at, locked_until)
        select
            _fold_changes.worker,
            _fold_changes.embedding,
            array_agg(w.key),
            array_agg(w.changed_at),
            clock_timestamp() + _fold_changes.lease
        from waiting as w
        where w.is_mine
        having count(*) > 0
        returning l.id, l.keys
    ),
    folded as (
        insert into sqlembed.job as j (embedding, key, changed_at)
        select w.embedding, w.key, w.changed_at
        from waiting as w
        join sqlembed.embedding as e on e.id = w.embedding
        where not w.is_mine
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
        returning j.embedding, j.key
    )
    select
        (select count(*) from taken),
        (select l.id from leased as l),
        (select l.keys from leased as l),
        array_agg(f.embedding),
        array_agg(f.key)
    into _fold_changes.taken, _fold_changes.lease_id, _fold_changes.keys, folded_embeddings, folded_keys
    from folded as f;

    -- A changed row deserves new attempts. Not in the same statement: it would not see one that was
    -- given up while this waited for its job.
    if exists (select from sqlembed.failed_job) then
        delete from sqlembed.failed_job as f
        using (
            select u.embedding, u.key from unnest(folded_embeddings, folded_keys) as u (embedding, key)
            union all
            select _fold_changes.embedding, u.key from unnest(_fold_changes.keys) as u (key)
        ) as r
        where f.embedding = r.embedding and md5(f.key::text) = md5(r.key::text);
    end if;
end
$function$;

comment on function sqlembed._fold_changes(integer, text[], integer[], integer[], interval) is
    'Turn the oldest changes into jobs, one a row and embedding. Returns how many changes it took, and the keys of one embedding whose new jobs it leased to the worker, all of them in one row of lease.';

revoke execute on function sqlembed._fold_changes(integer, text[], integer[], integer[], interval) from public;
