create or replace view sqlembed._queued as
select c.embedding, c.key, c.changed_at from sqlembed.change as c
union all
select j.embedding, j.key, j.changed_at from sqlembed.job as j
union all
select l.embedding, k.key, k.changed_at
from sqlembed.lease as l
cross join lateral unnest(l.keys, l.changed_at) as k (key, changed_at);

comment on view sqlembed._queued is 'All that waits for a worker, or that one has in hand.';
comment on column sqlembed._queued.embedding is 'The embedding that is out of date.';
comment on column sqlembed._queued.key is 'The row; one that has changed and is being embedded occurs several times.';
comment on column sqlembed._queued.changed_at is 'When it was written.';
