-- The row that row_status has noted in two settings, and none that the caller may not see. Settings,
-- because a condition on this view would be checked on every job there is: it has a barrier.
create or replace view sqlembed._row_work with (security_barrier) as
select
    w.is_waiting,
    f.embedding is not null as is_failed,
    coalesce(j.attempts, f.attempts, 0) as attempts,
    -- It may quote the text.
    case when t.is_readable then coalesce(j.error, case when not w.is_waiting then f.error end) end as error,
    w.changed_at,
    case when j.error is not null then j.not_before end as retry_at
from sqlembed.embedding as e
cross join lateral (
    select sqlembed._row_key(e.relation, nullif(current_setting('sqlembed.row_key', true), '')::jsonb) as key
) as k
left join sqlembed.job as j on j.embedding = e.id and j.key = k.key
left join sqlembed.failed_job as f on f.embedding = e.id and md5(f.key::text) = md5(k.key::text)
cross join lateral (
    select
        min(q.changed_at) as changed_at,
        count(*) > 0 as is_waiting
    from sqlembed._queued as q
    where q.embedding = e.id and q.key = k.key
) as w
cross join lateral (
    select coalesce(bool_and(has_column_privilege(e.relation, c.name, 'select')), false) as is_readable
    from sqlembed._present_columns(e) as p
    cross join lateral unnest(p.source) as c (name)
    where c.name is not null
) as t
where e.id = nullif(current_setting('sqlembed.row_embedding', true), '')::integer and k.key is not null;

comment on view sqlembed._row_work is 'What waits or has failed of one row; for row_status.';
comment on column sqlembed._row_work.is_waiting is 'Whether a worker has to embed it.';
comment on column sqlembed._row_work.is_failed is 'Whether it was given up.';
comment on column sqlembed._row_work.attempts is 'How often the embedder has failed on it.';
comment on column sqlembed._row_work.error is 'What the embedder said last; null for those who may not read the columns of the source.';
comment on column sqlembed._row_work.changed_at is 'When the oldest change that waits was written.';
comment on column sqlembed._row_work.retry_at is 'When it is tried again, after a failure.';

grant select on sqlembed._row_work to public;
