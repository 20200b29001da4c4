create or replace function sqlembed_wire.ask_again(id bigint, ticket bytea) returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    asked sqlembed.request;
    chosen integer;
begin
    update sqlembed.request as r
    set asked_at = clock_timestamp()
    where r.id = ask_again.id and r.ticket = ask_again.ticket
    returning r.* into asked;
    if not found then
        return false;
    end if;
    if not asked.done and not sqlembed._is_alive(asked.worker) then
        chosen := sqlembed._choose_worker(asked.embedder);
        update sqlembed.request as r set worker = chosen where r.id = ask_again.id and not r.done;
        perform pg_notify('sqlembed_' || chosen, '');
    end if;
    return true;
end
$function$;

comment on function sqlembed_wire.ask_again(bigint, bytea) is
    'Say that somebody still waits, and move the request when its worker has died. False when the request is gone.';

revoke execute on function sqlembed_wire.ask_again(bigint, bytea) from public;
grant execute on function sqlembed_wire.ask_again(bigint, bytea) to sqlembed_loopback;
