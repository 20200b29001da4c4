create or replace function sqlembed._choose_worker(embedder text) returns integer
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    candidate record;
    others boolean := false;
begin
    for candidate in
        select w.id, _choose_worker.embedder = any (w.embedders) as serves
        from sqlembed.worker_process as w
        order by random()
    loop
        -- One probe, cheaper than reading pg_locks; the shared lock goes with the transaction. Should
        -- a stranger hold the lock of a dead worker, ask_again finds it out.
        if not pg_try_advisory_xact_lock_shared(sqlembed._lock('presence'), candidate.id) then
            if candidate.serves then
                return candidate.id;
            end if;
            others := true;
        end if;
    end loop;
    raise exception 'sqlembed: no worker that serves embedder % is alive', quote_ident(_choose_worker.embedder)
        using errcode = 'SE003',
            hint = case
                when others
                then 'The workers that are alive serve others; start one whose registry has it: sqlembed worker --registry module:object.'
                else 'Start one: sqlembed worker --registry module:object.'
            end;
end
$function$;

comment on function sqlembed._choose_worker(text) is
    'A living worker that serves the embedder, any of them; an error that says how to start one where there is none.';

revoke execute on function sqlembed._choose_worker(text) from public;
