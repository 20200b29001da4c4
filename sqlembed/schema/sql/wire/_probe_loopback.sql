create or replace function sqlembed._probe_loopback() returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    is_here boolean;
begin
    if 'sqlembed_loopback' = any (sqlembed_dblink.dblink_get_connections()) then
        perform sqlembed_dblink.dblink_disconnect('sqlembed_loopback');
    end if;
    select t.database = current_database() and t.started_at = pg_postmaster_start_time()
    into is_here
    from sqlembed_dblink.dblink(
        'sqlembed_loopback', 'select pg_catalog.current_database(), pg_catalog.pg_postmaster_start_time()'
    ) as t (database name, started_at timestamptz);
    if not is_here then
        raise exception 'sqlembed: the loopback leads to another server' using errcode = 'SE006';
    end if;
end
$function$;

comment on function sqlembed._probe_loopback() is
    'Log in through the loopback once, as embed() does; the error says why it cannot.';

revoke execute on function sqlembed._probe_loopback() from public;
