create or replace function sqlembed_wire.ask_again(id bigint, ticket bytea) returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    asked sqlembed.request;
    chosen integer;
begin
    select r.* into asked from sqlembed.request as r where r.id = ask_again.id and r.ticket = ask_again.ticket;
    if not found then
        return false;
    end if;
    -- Nothing is waited for here, where no cancel arrives: a row that is locked is being answered.
    perform from sqlembed.request as r where r.id = ask_again.id and not r.done for update skip locked;
    if not found then
        return true;
    end if;
    chosen := asked.worker;
    if not sqlembed._is_alive(chosen) then
        delete from sqlembed.worker_process as w where w.id = chosen;
        chosen := sqlembed._choose_worker(asked.embedder);
        perform pg_notify('sqlembed_' || chosen, '');
    end if;
    update sqlembed.request as r
    set asked_at = clock_timestamp(), worker = chosen
    where r.id = ask_again.id;
    return true;
end
$function$;

comment on function sqlembed_wire.ask_again(bigint, bytea) is
    'Say that somebody still waits, and move the request when its worker has died. False when the request is gone.';

revoke execute on function sqlembed_wire.ask_again(bigint, bytea) from public;
grant execute on function sqlembed_wire.ask_again(bigint, bytea) to sqlembed_loopback;
