create or replace function sqlembed._acts_for_owner(relation regclass) returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    -- Asked where current_user is the owner of sqlembed.
    select
        coalesce(
            (select pg_has_role(session_user, c.relowner, 'member') from pg_class as c where c.oid = _acts_for_owner.relation),
            false
        )
        or has_function_privilege(session_user, 'sqlembed._stop_worker(integer)', 'execute')
$function$;

comment on function sqlembed._acts_for_owner(regclass) is
    'Whether the session is a worker''s, or may act as the owner of a table.';

revoke execute on function sqlembed._acts_for_owner(regclass) from public;
