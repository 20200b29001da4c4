create or replace function sqlembed._is_loopback_shared() returns boolean
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
begin
    if not exists (
        select
        from pg_shdepend as s
        where s.refclassid = 'pg_authid'::regclass
            and s.refobjid = 'sqlembed_loopback'::regrole
            and s.dbid not in (0, (select d.oid from pg_database as d where d.datname = current_database()))
    ) then
        return false;
    end if;
    if not has_table_privilege('pg_authid', 'select') then
        return true;
    end if;
    -- Installed elsewhere, but perhaps never set up.
    return exists (select from pg_authid as r where r.rolname = 'sqlembed_loopback' and r.rolpassword is not null);
end
$function$;

comment on function sqlembed._is_loopback_shared() is
    'Whether other databases of the cluster may know the present password of the loopback''s role.';

revoke execute on function sqlembed._is_loopback_shared() from public;
