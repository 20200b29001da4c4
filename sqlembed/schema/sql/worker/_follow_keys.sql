create or replace function sqlembed._follow_keys() returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
set lock_timeout = '200ms'
as $function$
declare
    moved record;
begin
    -- With the rights of the worker, which may read the table: its policies may be anybody's code.
    for moved in select m.* from sqlembed._moved_keys() as m
    loop
        begin
            perform sqlembed._follow_key(moved.embedding);
            -- What was written in between has not been noted.
            execute format(
                'select sqlembed._note_keys(%s, array_agg(%s)) from %s as r where not (%s)',
                moved.embedding,
                moved.expression,
                moved.relation,
                sqlembed._vector_test(sqlembed._declared_embedding(moved.embedding), 'r')
            );
        exception when lock_not_available or insufficient_privilege then
            -- Next time, or another worker.
            null;
        end;
    end loop;
end
$function$;

comment on function sqlembed._follow_keys() is
    'Follow primary keys whose columns were renamed or changed their types.';

revoke execute on function sqlembed._follow_keys() from public;
