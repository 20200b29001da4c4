create or replace function sqlembed._follow_families() returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
set lock_timeout = '200ms'
as $function$
declare
    declared sqlembed.embedding;
    known regclass[];
    is_partitioned boolean;
    newcomer regclass;
begin
    for declared in
        select f.* from sqlembed._changed_families() as f
    loop
        begin
            -- Where this role may not, status says who may.
            if pg_has_role((select c.relowner from pg_class as c where c.oid = declared.relation), 'usage') then
                begin
                    if exists (select from sqlembed._unattached(declared) as u where u.state <> 'disabled') then
                        perform sqlembed._attach_triggers(declared);
                    else
                        perform sqlembed._drop_triggers(
                            declared.id,
                            array(select w.name from sqlembed._wanted_triggers(declared) as w),
                            declared.relation || sqlembed._members(declared.relation)
                        );
                    end if;
                exception when lock_not_available or insufficient_privilege then
                    -- Next time, then, or by somebody else.
                    null;
                end;
            end if;
            is_partitioned := (select c.relkind = 'p' from pg_class as c where c.oid = declared.relation);
            known := array(
                select m.member
                from unnest(sqlembed._members(declared.relation)) as m (member)
                where m.member = any (declared.members)
                    or m.member not in (select u.member from sqlembed._unattached(declared) as u)
                order by m.member
            );
            -- A partition had triggers from its first day on, and the vectors that it brought along are
            -- its own. A child may have been written to unnoticed.
            foreach newcomer in array known
            loop
                continue when newcomer = any (declared.members);
                execute format(
                    'select sqlembed._note_keys(%s, array_agg(%s)) from only %s as r where not (%s) or not %L',
                    declared.id, declared.key_expression, newcomer, sqlembed._vector_test(declared, 'r'),
                    is_partitioned and declared.side is null
                );
            end loop;
            perform sqlembed._keep_members(declared.id, known);
        exception
            when lock_not_available then
                -- Next time, then.
                null;
            when others then
                -- What is wrong with one table keeps no other from being followed.
                raise warning 'sqlembed: cannot follow the children of %: %', declared.relation, sqlerrm;
        end;
    end loop;
end
$function$;

comment on function sqlembed._follow_families() is
    'Put triggers on tables that have become children of an embedded one, take them off those that no longer are, and queue the rows that newcomers brought along.';

revoke execute on function sqlembed._follow_families() from public;
