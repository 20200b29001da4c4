create or replace view sqlembed._waiting with (security_barrier) as
select e.relation, e.id as embedding, e.embedder, e.generation, w.key, w.changed_at
from sqlembed.embedding as e
cross join lateral (select sqlembed._sees_all_rows(e.relation) as all_rows) as s
cross join lateral (
    select q.key, q.changed_at from sqlembed._queued as q where q.embedding = e.id and s.all_rows
    union all
    select null::jsonb, o.changed_at
    from (select min(q.changed_at) as changed_at from sqlembed._queued as q where q.embedding = e.id) as o
    where not s.all_rows and o.changed_at is not null
) as w
where has_table_privilege(e.relation, 'select');

comment on view sqlembed._waiting is 'What waits in tables that the caller may read. From whom a policy keeps rows back learns only since when something waits.';
comment on column sqlembed._waiting.relation is 'The table.';
comment on column sqlembed._waiting.embedding is 'Number of the embedding.';
comment on column sqlembed._waiting.embedder is 'The embedder that makes the vectors.';
comment on column sqlembed._waiting.generation is 'Which generation it is.';
comment on column sqlembed._waiting.key is 'The row; one that has changed and is being embedded occurs several times.';
comment on column sqlembed._waiting.changed_at is 'When it was written.';

grant select on sqlembed._waiting to public;
