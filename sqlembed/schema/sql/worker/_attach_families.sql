create or replace function sqlembed._attach_families() returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
set lock_timeout = '200ms'
as $function$
declare
    declared sqlembed.embedding;
begin
    for declared in
        select f.* from sqlembed._changed_families() as f
    loop
        -- Where this role may not, status says who may.
        continue when not pg_has_role((select c.relowner from pg_class as c where c.oid = declared.relation), 'usage');
        begin
            continue when not sqlembed._lock_embedding(declared.id);
            if exists (select from sqlembed._unattached(declared) as u where u.state <> 'disabled') then
                perform sqlembed._attach_triggers(declared);
            else
                perform sqlembed._drop_triggers(
                    declared.id,
                    array(select w.name from sqlembed._wanted_triggers(declared) as w),
                    declared.relation || sqlembed._members(declared.relation)
                );
            end if;
        exception
            when lock_not_available or insufficient_privilege then
                -- Next time, then, or by somebody else.
                null;
            when others then
                -- What is wrong with one table keeps no other from being followed.
                raise warning 'sqlembed: cannot follow the children of %: %', declared.relation, sqlerrm;
        end;
    end loop;
end
$function$;

comment on function sqlembed._attach_families() is
    'Give new partitions and children their triggers, and take them from those that are none any more. Writers wait for it, so that it does nothing else.';

revoke execute on function sqlembed._attach_families() from public;
