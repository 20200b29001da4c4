create or replace function sqlembed._fold_changes(most integer) returns bigint
language sql
volatile
set search_path = pg_catalog, pg_temp
as $function$
    with taken as (
        delete from sqlembed.change as c
        where c.id = any (
            array(
                select d.id
                from sqlembed.change as d
                order by d.id
                limit _fold_changes.most
                for update skip locked
            )
        )
        returning c.embedding, c.key, c.changed_at
    ),
    revived as (
        -- A changed row deserves new attempts.
        delete from sqlembed.failed_job as f
        using taken as t
        where f.embedding = t.embedding and f.key = t.key
    ),
    folded as (
        insert into sqlembed.job as j (embedding, key, changed_at)
        select t.embedding, t.key, min(t.changed_at)
        from taken as t
        join sqlembed.embedding as e on e.id = t.embedding
        group by t.embedding, t.key
        -- One order for all workers, so that two of them cannot deadlock.
        order by t.embedding, t.key
        on conflict (embedding, key) do update
        set
            attempts = 0,
            not_before = least(j.not_before, clock_timestamp()),
            changed_at = least(j.changed_at, excluded.changed_at),
            error = null,
            -- Whoever has it in hand works on an older text: it is no longer theirs to finish.
            locked_until = null,
            worker = null
    )
    select count(*) from taken
$function$;

comment on function sqlembed._fold_changes(integer) is
    'Turn the oldest changes into jobs, one a row and embedding. Returns how many changes it took.';

revoke execute on function sqlembed._fold_changes(integer) from public;
