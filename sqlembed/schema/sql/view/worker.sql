create or replace view sqlembed.worker as
select w.id, w.name, w.embedders, w.resting, w.started_at, w.clusterings
from sqlembed.worker_process as w
where exists (
    select
    from pg_catalog.pg_locks as l
    where l.locktype = 'advisory'
        and l.database = (select d.oid from pg_catalog.pg_database as d where d.datname = pg_catalog.current_database())
        and l.classid = sqlembed._lock('presence')::oid
        and l.objid = w.id::oid
        and l.pid = w.pid
        and l.objsubid = 2
        and l.mode = 'ExclusiveLock'
        and l.granted
);

comment on view sqlembed.worker is 'Workers that are alive, what they serve and since when.';
comment on column sqlembed.worker.id is 'Number of the worker.';
comment on column sqlembed.worker.name is 'Machine and process.';
comment on column sqlembed.worker.embedders is 'Embedders that it serves.';
comment on column sqlembed.worker.resting is 'Those of them that are down: it leaves them alone for a while. Why stands in status.last_error.';
comment on column sqlembed.worker.started_at is 'When it started.';
comment on column sqlembed.worker.clusterings is 'Clustering functions that it can call.';

grant select on sqlembed.worker to public;
