create or replace function sqlembed._probe_loopback() returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform sqlembed_dblink.dblink_connect('sqlembed_probe', 'sqlembed_loopback');
    perform sqlembed_dblink.dblink_disconnect('sqlembed_probe');
end
$function$;

comment on function sqlembed._probe_loopback() is
    'Log in through the loopback once, as embed() does; the error says why it cannot.';

revoke execute on function sqlembed._probe_loopback() from public;
