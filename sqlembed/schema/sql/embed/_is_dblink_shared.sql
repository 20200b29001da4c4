create or replace function sqlembed._is_dblink_shared() returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    select exists (
        select
        from pg_extension as e
        join pg_namespace as n on n.oid = e.extnamespace
        cross join aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) as a
        left join pg_roles as r on r.oid = a.grantee
        where e.extname = 'dblink'
            and a.privilege_type = 'USAGE'
            and r.rolname is distinct from current_user
            and r.rolsuper is not true
    )
$function$;

comment on function sqlembed._is_dblink_shared() is
    'Whether others than the current role and superusers can reach dblink, and with it every connection of their session.';

revoke execute on function sqlembed._is_dblink_shared() from public;
