-- The barrier: a cheap function in somebody's WHERE would see what the condition keeps back.
create or replace view sqlembed.failure with (security_barrier) as
select e.relation, e.name as embedding, f.key, f.attempts, f.error, f.failed_at
from sqlembed.failed_job as f
join sqlembed.embedding as e on e.id = f.embedding
where sqlembed._sees_all_rows(e.relation);

comment on view sqlembed.failure is 'Rows that were given up, with what the embedder said; retry_failed brings them back. Not for those from whom a policy keeps rows back.';
comment on column sqlembed.failure.relation is 'The table.';
comment on column sqlembed.failure.embedding is 'The vector column.';
comment on column sqlembed.failure.key is 'The row: its primary key''s values in order.';
comment on column sqlembed.failure.attempts is 'How often it was tried.';
comment on column sqlembed.failure.error is 'What the embedder said at the last attempt.';
comment on column sqlembed.failure.failed_at is 'When it was given up.';

grant select on sqlembed.failure to public;
