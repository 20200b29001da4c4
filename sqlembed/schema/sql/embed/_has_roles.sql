create or replace function sqlembed._has_roles() returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    select exists (
        select
        from pg_class as c
        cross join aclexplode(c.relacl) as a
        join pg_roles as r on r.oid = a.grantee
        where c.oid = to_regclass('sqlembed.alembic_version') and r.rolname = 'sqlembed_reader'
    )
$function$;

comment on function sqlembed._has_roles() is
    'Whether this database asked for the roles sqlembed_reader, sqlembed_writer and sqlembed_worker: they are the cluster''s, and may have been made for another.';
