create or replace function sqlembed._open_loopback() returns text
language plpgsql
volatile
parallel restricted
set search_path = pg_catalog, pg_temp
as $function$
declare
    target text;
    port text;
begin
    select
        max(substr(o, length('dbname=') + 1)) filter (where starts_with(o, 'dbname=')),
        max(substr(o, length('port=') + 1)) filter (where starts_with(o, 'port='))
    into target, port
    from pg_foreign_server as s, unnest(s.srvoptions) as o
    where s.srvname = 'sqlembed_loopback';
    if target is null then
        raise exception 'sqlembed: the loopback is not set up'
            using errcode = 'SE006', hint = 'Run: sqlembed migrate. Then: sqlembed doctor.';
    end if;
    if target <> current_database() then
        raise exception 'sqlembed: this database is a copy of %: its loopback still leads there', quote_ident(target)
            using errcode = 'SE007', hint = 'Run sqlembed migrate on this database.';
    end if;
    if port <> current_setting('port') then
        raise exception 'sqlembed: this server is a copy of another or has moved: its loopback still leads to port %', port
            using errcode = 'SE007', hint = 'Run sqlembed migrate on this database.';
    end if;

    if sqlembed._is_dblink_shared() then
        -- Whoever can call dblink can speak through a connection that stays open, or put one of
        -- theirs in its place and read what others' functions send. So none stays: given the name
        -- of a server dblink opens one for the call, unless a connection has that name.
        if 'sqlembed_loopback' = any (sqlembed_dblink.dblink_get_connections()) then
            perform sqlembed_dblink.dblink_disconnect('sqlembed_loopback');
        end if;
        return 'sqlembed_loopback';
    end if;

    if 'sqlembed' = any (sqlembed_dblink.dblink_get_connections()) then
        -- A connection whose other end has died stays in the session and fails for ever. With
        -- false this probe answers no row then; catching an error would need a subtransaction,
        -- which parallel plans forbid. One that died while it was waited for takes no probe any more.
        if sqlembed_dblink.dblink_error_message('sqlembed') = 'OK' then
            if exists (select from sqlembed_dblink.dblink('sqlembed', 'select 1', false) as t (one integer)) then
                return 'sqlembed';
            end if;
        end if;
        perform sqlembed_dblink.dblink_disconnect('sqlembed');
    end if;
    perform sqlembed_dblink.dblink_connect('sqlembed', 'sqlembed_loopback');
    if not exists (
        select
        from sqlembed_dblink.dblink('sqlembed', 'select pg_catalog.pg_postmaster_start_time()') as t (started_at timestamptz)
        where t.started_at = pg_postmaster_start_time()
    ) then
        -- A copy of the data on another machine may find the original under the same name and port.
        perform sqlembed_dblink.dblink_disconnect('sqlembed');
        raise exception 'sqlembed: the loopback leads to another server'
            using errcode = 'SE007', hint = 'Run sqlembed migrate on this database.';
    end if;
    return 'sqlembed';
end
$function$;

comment on function sqlembed._open_loopback() is
    'What to give dblink to reach this session''s own database: the name of a living connection, or of the server where a connection that stays is not safe.';

revoke execute on function sqlembed._open_loopback() from public;
