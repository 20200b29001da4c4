create or replace view sqlembed.clustering_status with (security_barrier, security_invoker) as
select
    c.name,
    c.relation,
    f.embedding,
    f.cluster_column,
    m.num_clusters,
    m.created_at as fitted_at,
    m.training_rows[cardinality(m.training_rows)] as fitted_rows,
    f.total,
    f.embedded,
    f.assigned,
    f.size_shift,
    f.distance_growth
from sqlembed.clustering as c
join sqlembed.cluster_model as m on m.name = c.name
cross join lateral sqlembed._clustering_facts(c) as f
where exists (select from pg_class as r where r.oid = c.relation);

comment on view sqlembed.clustering_status is
    'Each clustering of yours, and how far its table has drifted from the fit. size_shift: the share of rows that would have to change clusters for these to be as large as they were, 0 to 1. distance_growth: how many times as far rows lie from their centroids, by the root of mean squares. Reads the tables; those of others not where their code would run, in a policy or an index on an expression.';
comment on column sqlembed.clustering_status.name is 'Name of the clustering and of its model.';
comment on column sqlembed.clustering_status.relation is 'The table.';
comment on column sqlembed.clustering_status.embedding is 'The vector column; NULL when it, or that of the clusters, was dropped.';
comment on column sqlembed.clustering_status.cluster_column is 'The column of the clusters.';
comment on column sqlembed.clustering_status.num_clusters is 'Number of clusters.';
comment on column sqlembed.clustering_status.fitted_at is 'When it was fitted.';
comment on column sqlembed.clustering_status.fitted_rows is 'Rows that it was fitted on.';
comment on column sqlembed.clustering_status.total is 'Rows now.';
comment on column sqlembed.clustering_status.embedded is 'Rows that have a vector.';
comment on column sqlembed.clustering_status.assigned is 'Rows that have a cluster.';
comment on column sqlembed.clustering_status.size_shift is 'Share of rows that would have to change clusters for these to be as large as they were.';
comment on column sqlembed.clustering_status.distance_growth is 'Root of the mean squared distance of rows to their centroids, divided by what it was.';

grant select on sqlembed.clustering_status to public;
