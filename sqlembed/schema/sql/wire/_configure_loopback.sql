create or replace function sqlembed._configure_loopback(password text default null) returns boolean
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    owner name := (
        select pg_get_userbyid(p.proowner)
        from pg_proc as p
        where p.oid = 'sqlembed._ask(text, bytea, text, text[])'::regprocedure
    );
    listening text := current_setting('listen_addresses');
    given text := _configure_loopback.password;
    host text;
    chosen text;
begin
    if not exists (select from pg_foreign_server as s where s.srvname = 'sqlembed_loopback') then
        create server sqlembed_loopback foreign data wrapper dblink_fdw options (
            host 'localhost', port '5432', dbname 'postgres', application_name 'sqlembed loopback',
            -- The loopback notices within half a second that its caller is gone.
            options '-c client_connection_check_interval=500 -c synchronous_commit=off'
        );
    end if;
    execute format(
        'alter server sqlembed_loopback options (set port %L, set dbname %L)',
        current_setting('port'), current_database()
    );

    if given is null and not exists (
        select
        from pg_user_mappings as m
        where m.srvname = 'sqlembed_loopback' and m.usename = owner
    ) then
        given := replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '');
        execute format('alter role sqlembed_loopback password %L', given);
    end if;
    if given is not null then
        execute format('drop user mapping if exists for %I server sqlembed_loopback', owner);
        execute format(
            'create user mapping for %I server sqlembed_loopback options (user ''sqlembed_loopback'', password %L)',
            owner, given
        );
    end if;

    -- The way in depends on pg_hba.conf, which SQL cannot read everywhere: try them in turn.
    for host in
        select h
        from (
            select 1 as rank, case when listening ~ '\*|localhost|127\.0\.0\.1|0\.0\.0\.0' then '127.0.0.1' else trim(a) end as h
            from unnest(string_to_array(nullif(listening, ''), ',')) as a
            union
            select 2, trim(d)
            from unnest(string_to_array(nullif(current_setting('unix_socket_directories', true), ''), ',')) as d
        ) as ways
        order by rank, h
    loop
        chosen := coalesce(chosen, host);
        execute format('alter server sqlembed_loopback options (set host %L)', host);
        begin
            perform sqlembed._probe_loopback();
            return true;
        exception when others then
            raise notice 'sqlembed: no loopback by way of %: %', host, sqlerrm;
        end;
    end loop;
    execute format('alter server sqlembed_loopback options (set host %L)', coalesce(chosen, 'localhost'));
    return false;
end
$function$;

comment on function sqlembed._configure_loopback(text) is
    'Lead the loopback to this database and find a way to log in; without a password it keeps the present one, or makes one. False when no way is open. Not inside the transaction that made the role.';

revoke execute on function sqlembed._configure_loopback(text) from public;
