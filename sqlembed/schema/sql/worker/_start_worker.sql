create or replace function sqlembed._start_worker(name text, embedders text[], clusterings text[] default '{}') returns integer
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    worker integer;
begin
    delete from sqlembed.worker_process as w where w.id not in (select l.id from sqlembed.worker as l);
    loop
        insert into sqlembed.worker_process (name, embedders, clusterings)
        values (_start_worker.name, _start_worker.embedders, _start_worker.clusterings)
        returning worker_process.id into worker;
        -- Held by the session, so that the death of the process ends it. Never waited for: a lock
        -- that a stranger holds already belongs to a number that is left out.
        exit when pg_try_advisory_lock(sqlembed._lock('presence'), worker);
        delete from sqlembed.worker_process as w where w.id = worker;
    end loop;
    perform pg_try_advisory_lock(sqlembed._lock('epoch'), sqlembed._epoch_key(worker, 0));
    return worker;
end
$function$;

comment on function sqlembed._start_worker(text, text[], text[]) is
    'Sign a worker in: its row, its presence lock and the lock of its first epoch. Rows of dead workers go.';

revoke execute on function sqlembed._start_worker(text, text[], text[]) from public;
