create or replace view sqlembed.status with (security_barrier) as
select
    e.relation,
    p.vector as embedding,
    e.embedder,
    e.timing,
    c.total,
    c.embedded,
    c.blank,
    case when s.all_rows then q.pending end as pending,
    case when s.all_rows then q.failed end as failed,
    case when s.all_rows then q.oldest_pending end as oldest_pending,
    case
        when g.name is not null then 'column ' || quote_ident(g.name) || ' of its source is gone: drop this embedding and declare it anew'
        when u.member is not null then format(
            'triggers of %s are %s, so that changes are not noticed: its owner can say select sqlembed.refresh_embedding(%L, %L)',
            u.member, u.state, e.relation, p.vector
        )
        -- It may quote a row.
        when s.all_rows and q.last_error is not null then q.last_error
        when m.fingerprint is null then 'unserved: no worker has registered embedder ' || quote_ident(e.embedder)
    end as last_error
from sqlembed.embedding as e
join sqlembed.embedder as m on m.name = e.embedder
cross join lateral sqlembed._present_columns(e) as p
cross join lateral (select sqlembed._sees_all_rows(e.relation) as all_rows) as s
cross join lateral sqlembed._count_rows(e) as c
cross join lateral (
    select
        (
            select count(*)
            from (select distinct w.key from sqlembed._queued as w where w.embedding = e.id) as waiting
        ) as pending,
        (select count(*) from sqlembed.failed_job as f where f.embedding = e.id) as failed,
        (select min(w.changed_at) from sqlembed._queued as w where w.embedding = e.id) as oldest_pending,
        coalesce(
            (
                select j.error
                from sqlembed.job as j
                where j.embedding = e.id and j.error is not null
                order by j.not_before desc
                limit 1
            ),
            (
                select f.error
                from sqlembed.failed_job as f
                where f.embedding = e.id
                order by f.failed_at desc
                limit 1
            )
        ) as last_error
) as q
left join lateral (
    select s.name
    from unnest(e.source_columns, p.source) as s (name, present)
    where s.present is null
    limit 1
) as g on true
left join lateral (
    select t.member, t.state
    from sqlembed._unattached(e) as t
    where t.state <> 'changed'
    limit 1
) as u on true
where has_table_privilege(e.relation, 'select') and p.vector is not null;

comment on view sqlembed.status is 'How far each embedding is. Counting reads the tables. NULL counts: a policy keeps rows back, or to count would run functions of the table''s owner.';
comment on column sqlembed.status.relation is 'The table.';
comment on column sqlembed.status.embedding is 'The vector column.';
comment on column sqlembed.status.embedder is 'The embedder that makes the vectors.';
comment on column sqlembed.status.timing is 'async or sync.';
comment on column sqlembed.status.total is 'Rows that the caller can see.';
comment on column sqlembed.status.embedded is 'Rows with a vector.';
comment on column sqlembed.status.blank is 'Rows whose source is NULL, empty or blank: they get no vector.';
comment on column sqlembed.status.pending is 'Rows that wait for a worker.';
comment on column sqlembed.status.failed is 'Rows that were given up.';
comment on column sqlembed.status.oldest_pending is 'When the oldest change that waits was written.';
comment on column sqlembed.status.last_error is 'What went wrong last.';

grant select on sqlembed.status to public;
