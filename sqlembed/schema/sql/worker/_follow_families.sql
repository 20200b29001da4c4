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
            continue when not sqlembed._lock_embedding(declared.id);
            -- Another worker may have been here a moment ago.
            declared := sqlembed._declared_embedding(declared.id);
            is_partitioned := (select c.relkind = 'p' from pg_class as c where c.oid = declared.relation);
            known := array(
                select m.member
                from unnest(sqlembed._members(declared.relation)) as m (member)
                where m.member = any (declared.members)
                    or m.member not in (select u.member from sqlembed._unattached(declared) as u)
                order by m.member
            );
            -- A partition had triggers from its first day on, and the vectors that it brought along
            -- are its own. A child may have been written to unnoticed.
            foreach newcomer in array known
            loop
                continue when newcomer = any (declared.members);
                perform sqlembed._note_missing(
                    declared, 'only ' || newcomer, not is_partitioned or declared.side is not null
                );
            end loop;
            perform sqlembed._keep_members(declared.id, known);
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

comment on function sqlembed._follow_families() is
    'Queue the rows that new partitions and children, which have their triggers by now, have brought along.';

revoke execute on function sqlembed._follow_families() from public;
