create or replace function sqlembed._embed_statement() returns trigger
language plpgsql
volatile
as $function$
begin
    if not sqlembed._has_own_changes(tg_argv[0]::integer)
        -- A worker must not wait for itself: what triggers change upon its writes it finds later.
        -- Anybody can make the setting, so it counts only for those who may work.
        or pg_catalog.current_setting('sqlembed.writing', true) operator(pg_catalog.=) 'on'
        and pg_catalog.has_function_privilege(session_user, 'sqlembed._stop_worker(integer)', 'execute')
    then
        return null;
    end if;
    -- A session that computes vectors itself has promised to do it before it commits. The promise
    -- holds for its own role, whose rights are known now, and not for that of a function it calls,
    -- whatever name it gives.
    if pg_catalog.current_setting('sqlembed.inline', true) operator(pg_catalog.=) current_user::text
        and current_user::text operator(pg_catalog.=) (
            case
                when pg_catalog.current_setting('role') operator(pg_catalog.=) 'none' then session_user::text
                else pg_catalog.current_setting('role')
            end
        )
    then
        perform sqlembed._check_writer(e)
        from sqlembed.embedding as e
        where e.id operator(pg_catalog.=) tg_argv[0]::integer;
        return null;
    end if;
    perform sqlembed._embed_changes(tg_argv[0]::integer);
    return null;
end
$function$;

comment on function sqlembed._embed_statement() is
    'Statement trigger of timing => ''sync'': embed the rows that the statement has written. It runs with the rights of whoever writes them.';
