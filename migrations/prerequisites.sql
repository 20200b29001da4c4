-- Everything that needs more than the rights of a schema's owner. Each step is left out where its
-- object is there already, so a database administrator may run this file ahead.
do $prerequisites$
begin
    if not exists (select from pg_extension where extname = 'vector') then
        create extension vector;
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
    if current_setting('is_superuser') = 'on' then
        -- A rider of the loopback must not read other callers' texts in pg_stat_activity.
        alter role sqlembed_loopback set track_activities = off;
    end if;
end
$prerequisites$;
