create or replace view sqlembed.cluster_run with (security_barrier) as
select
    c.relation, c.label_column, c.method, c.parameters,
    case
        when c.error is not null then 'failed'
        when c.finished_at is not null then 'done'
        when sqlembed._is_alive(c.worker) then 'running'
        else 'waiting'
    end as state,
    c.labelled, c.num_clusters, c.error, c.asked_at, c.finished_at
from sqlembed.cluster_job as c
where sqlembed._sees_all_rows(c.relation)
    and not exists (
        select from sqlembed.cluster_job as n
        where n.relation = c.relation and n.label_column = c.label_column and n.id > c.id
    );

comment on view sqlembed.cluster_run is 'What became of create_clusters, the last time for each column. Not for those from whom a policy keeps rows back.';
comment on column sqlembed.cluster_run.relation is 'The table.';
comment on column sqlembed.cluster_run.label_column is 'Where the labels are written.';
comment on column sqlembed.cluster_run.method is 'The clustering function.';
comment on column sqlembed.cluster_run.parameters is 'What it is given besides the vectors.';
comment on column sqlembed.cluster_run.state is 'waiting, running, done or failed.';
comment on column sqlembed.cluster_run.labelled is 'How many rows got a label.';
comment on column sqlembed.cluster_run.num_clusters is 'How many clusters there are, without what is in none.';
comment on column sqlembed.cluster_run.error is 'Why it failed.';
comment on column sqlembed.cluster_run.asked_at is 'When it was asked for.';
comment on column sqlembed.cluster_run.finished_at is 'When it was done, or given up.';

grant select on sqlembed.cluster_run to public;
