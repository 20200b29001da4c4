create or replace function sqlembed._queue_generations() returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
set lock_timeout = '200ms'
as $function$
declare
    declared sqlembed.embedding;
begin
    for declared in
        select g.* from sqlembed._new_generations() as g
    loop
        begin
            continue when not sqlembed._lock_embedding(declared.id);
            -- Another worker may have been here a moment ago.
            declared := sqlembed._declared_embedding(declared.id);
            continue when declared.id is null or declared.queued_at is not null;
            perform sqlembed._note_missing(declared, declared.relation::text, true);
            perform sqlembed._keep_queued(declared.id);
        exception
            when lock_not_available or insufficient_privilege then
                -- Next time, then, or by a worker that may read the table.
                null;
            when others then
                -- What is wrong with one table keeps no other from being served.
                raise warning 'sqlembed: cannot queue the rows of %: %', declared.relation, sqlerrm;
        end;
    end loop;
end
$function$;

comment on function sqlembed._queue_generations() is
    'Queue the rows of generations that were created a moment ago.';

revoke execute on function sqlembed._queue_generations() from public;
