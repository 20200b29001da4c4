create or replace function sqlembed._embed_statement() returns trigger
language plpgsql
volatile
as $function$
begin
    if not sqlembed._has_own_changes(tg_argv[0]::integer)
        -- A worker must not wait for itself: what triggers change upon its writes it finds later.
        or pg_catalog.current_setting('sqlembed.writing', true) operator(pg_catalog.=) 'on'
    then
        return null;
    end if;
    -- A session that computes vectors itself has promised to do it before it commits. The promise
    -- holds for its own role, whose rights are known now, and not for that of a function it calls.
    if pg_catalog.current_setting('sqlembed.inline', true) operator(pg_catalog.=) current_user::text then
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
