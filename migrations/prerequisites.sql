-- Everything that needs more than the rights of a schema's owner. Each step is left out where its
-- object is there already, so a database administrator may run this file ahead.

-- Whatever the database or the role has set: every name below that is not qualified is PostgreSQL's.
set local search_path = pg_catalog, pg_temp;
do $prerequisites$
declare
    taken record;
begin
    -- Their owner could replace what is in them, and some of it is run by everybody.
    for taken in
        select n.nspname as name, n.nspowner::regrole as owner
        from pg_namespace as n
        join pg_roles as r on r.oid = n.nspowner
        where n.nspname in ('sqlembed', 'sqlembed_wire', 'sqlembed_dblink')
            and r.rolname <> current_user
            and not (n.nspname = 'sqlembed_dblink' and r.rolsuper)
    loop
        raise exception 'sqlembed: schema % belongs to %, not to %', taken.name, taken.owner, current_user
            using errcode = '42501', hint = format('Run sqlembed migrate as %s, or drop the schema if it is not sqlembed''s.', taken.owner);
    end loop;
    if exists (
        select
        from pg_roles as r
        where r.rolname = 'sqlembed_loopback'
            and (
                r.rolsuper or r.rolcreaterole or r.rolcreatedb or r.rolreplication or r.rolbypassrls
                or exists (select from pg_auth_members as m where m.member = r.oid)
            )
    ) then
        raise exception 'sqlembed: role sqlembed_loopback has more rights than to log in'
            using errcode = '42501', hint = 'Take its attributes and memberships away: it only hands in requests.';
    end if;

    if not exists (select from pg_extension where extname = 'vector') then
        create extension vector schema public;
    end if;
    if not exists (select from pg_extension where extname = 'dblink') then
        -- A schema without PUBLIC usage: connections belong to the session, so whoever may call
        -- dblink there could ride on ours.
        if to_regnamespace('sqlembed_dblink') is null then
            create schema sqlembed_dblink;
        end if;
        create extension dblink schema sqlembed_dblink;
    end if;
    if to_regnamespace('sqlembed') is null then
        create schema sqlembed;
    end if;
    if to_regrole('sqlembed_loopback') is null then
        begin
            create role sqlembed_loopback login noinherit;
        exception when duplicate_object or unique_violation then
            -- Another database of the cluster made it this moment.
            null;
        end;
    end if;
    if current_setting('is_superuser') = 'on' and not exists (
        select
        from pg_db_role_setting as s
        where s.setrole = 'sqlembed_loopback'::regrole and 'track_activities=off' = any (s.setconfig)
    ) then
        -- A rider of the loopback must not read other callers' texts in pg_stat_activity.
        alter role sqlembed_loopback set track_activities = off;
    end if;
end
$prerequisites$;
