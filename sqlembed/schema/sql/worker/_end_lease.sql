create or replace function sqlembed._end_lease(lease_id bigint, undone jsonb[]) returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
set jit = off
-- Another worker may be folding a later change of what is undone: to give up would be to do again
-- all that is done.
set lock_timeout = 0
-- Most often nothing is undone, but it may be the whole of a large batch.
set enable_hashjoin = on
as $function$
    with ended as (
        delete from sqlembed.lease as l
        where l.id = any (
            array(select h.id from sqlembed.lease as h where h.id = _end_lease.lease_id for update skip locked)
        )
        returning l.worker, l.embedding, l.keys, l.changed_at, l.locked_until
    )
    insert into sqlembed.job as j (embedding, key, changed_at, worker, locked_until)
    select e.embedding, k.key, k.changed_at, e.worker, e.locked_until
    from ended as e
    cross join lateral unnest(e.keys, e.changed_at) as k (key, changed_at)
    where k.key in (select u.key from unnest(_end_lease.undone) as u (key))
    -- One order for all workers, so that two of them cannot deadlock.
    order by k.key
    -- A later change has made a job of it, which is whose it is; but it has waited for longer.
    on conflict on constraint one_job_a_row do update set changed_at = least(j.changed_at, excluded.changed_at)
$function$;

comment on function sqlembed._end_lease(bigint, jsonb[]) is
    'End a batch of new jobs; those that are not done become jobs like others, still in hand.';

revoke execute on function sqlembed._end_lease(bigint, jsonb[]) from public;
