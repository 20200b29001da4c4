create or replace function sqlembed._configure_loopback(password text default null, way_in text default null)
returns boolean
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
set standard_conforming_strings = on
as $function$
declare
    owner oid := (
        select p.proowner from pg_proc as p where p.oid = 'sqlembed._ask(text, bytea, text, text[])'::regprocedure
    );
    given text := _configure_loopback.password;
    is_new boolean := false;
    sockets text;
    host text;
    chosen text;
    option text[];
begin
    if exists (
        select from pg_foreign_server as s where s.srvname = 'sqlembed_loopback' and s.srvowner <> owner
    ) or pg_get_userbyid(owner) <> current_user then
        -- Whoever owns the server decides where the texts and the password go.
        raise exception 'sqlembed: the loopback must be set up by % and belong to it', owner::regrole
            using errcode = '42501',
                hint = format('Run: sqlembed migrate, as %s. A server sqlembed_loopback of another role has to go.', owner::regrole);
    end if;
    if not exists (select from pg_foreign_server as s where s.srvname = 'sqlembed_loopback') then
        create server sqlembed_loopback foreign data wrapper dblink_fdw options (
            host '', port '', dbname '', options '', application_name 'sqlembed loopback'
        );
    end if;
    foreach option slice 1 in array array[
        array['port', current_setting('port')],
        array['dbname', current_database()],
        -- It notices within half a second that its caller is gone, and what the database or the role
        -- set for others does not reach it.
        array[
            'options',
            '-c client_connection_check_interval=500 -c synchronous_commit=off -c statement_timeout=0'
            ' -c lock_timeout=1000 -c jit=off -c default_transaction_isolation=read\ committed -c search_path=pg_catalog'
        ]
    ]
    loop
        execute format('alter server sqlembed_loopback options (set %I %L)', option[1], option[2]);
    end loop;

    if given is null and not exists (
        select from pg_user_mappings as m where m.srvname = 'sqlembed_loopback' and m.umuser = owner
    ) then
        -- The role is the cluster's: a new password would lock the other databases out.
        if sqlembed._is_loopback_shared() then
            raise exception 'sqlembed: the password of role sqlembed_loopback is not known here, and other databases use it'
                using errcode = 'SE006',
                    hint = 'Run: sqlembed migrate, as a role that owns sqlembed there too, or with --loopback-password.';
        end if;
        is_new := true;
        given := replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '');
        begin
            execute format('alter role sqlembed_loopback password %L', given);
        exception when insufficient_privilege then
            raise exception 'sqlembed: the password of role sqlembed_loopback is not known'
                using errcode = 'SE006', hint = 'Ask whoever made the role, and run: sqlembed migrate --loopback-password ...';
        end;
    end if;
    if given is not null then
        if exists (
            select from pg_user_mappings as m where m.srvname = 'sqlembed_loopback' and m.umuser = owner
        ) then
            execute format('drop user mapping for %s server sqlembed_loopback', owner::regrole);
        end if;
        execute format(
            'create user mapping for %s server sqlembed_loopback options (user ''sqlembed_loopback'', password %L)',
            owner::regrole, given
        );
    end if;

    if is_new then
        -- Before the commit nobody can log in with it.
        return false;
    end if;

    begin
        sockets := current_setting('unix_socket_directories');
    exception when insufficient_privilege then
        null;
    end;
    -- The way in depends on pg_hba.conf, which SQL cannot read everywhere: try them in turn.
    for host in
        select w.host
        from (
            select
                1 as rank,
                case when trim(a) in ('*', '0.0.0.0', 'localhost') then '127.0.0.1' else trim(a) end as host
            from string_to_table(current_setting('listen_addresses'), ',') as a
            union all
            select 2, trim(d) from string_to_table(sockets, ',') as d
            union all
            select 3, _configure_loopback.way_in
        ) as w
        where w.host <> ''
        group by w.host
        order by min(w.rank), w.host
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
    execute format('alter server sqlembed_loopback options (set host %L)', coalesce(chosen, '127.0.0.1'));
    return false;
end
$function$;

comment on function sqlembed._configure_loopback(text, text) is
    'Lead the loopback to this database and find a way to log in; without a password it keeps the present one, or makes one. False when no way is open, or when the password is new: call it again after the commit. way_in: a host to try where the server''s sockets may not be known.';

revoke execute on function sqlembed._configure_loopback(text, text) from public;
