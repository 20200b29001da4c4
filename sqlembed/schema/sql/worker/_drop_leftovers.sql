create or replace function sqlembed._drop_leftovers() returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '200ms'
as $function$
declare
    made regprocedure;
begin
    for made in
        select p.oid::regprocedure
        from pg_proc as p
        where p.pronamespace = 'sqlembed'::regnamespace
            and p.proname ~ '^_(note|note_row|hide)_[0-9]+$'
            and not exists (
                select from sqlembed.embedding as e where e.id = substring(p.proname from '[0-9]+$')::integer
            )
        order by p.oid
    loop
        -- With the triggers that call it, on whatever table.
        begin
            execute format('drop function %s cascade', made);
        exception when lock_not_available or undefined_function then
            -- Next time, then: nobody's writing is to wait for it. Or another worker was faster.
            null;
        end;
    end loop;
end
$function$;

comment on function sqlembed._drop_leftovers() is
    'Remove the trigger functions of embeddings whose column is gone, and their triggers.';

revoke execute on function sqlembed._drop_leftovers() from public;
