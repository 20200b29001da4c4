create or replace function sqlembed._follow_grants() returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
set lock_timeout = '200ms'
as $function$
declare
    lacking record;
begin
    -- A right that was taken back needs nothing: the policy asks the table itself.
    for lacking in
        select g.side, g.reader
        from sqlembed._lacking_grants() as g
        join pg_class as c on c.oid = g.side and pg_has_role(c.relowner, 'usage')
    loop
        begin
            execute format('grant select on %s to %s', lacking.side, lacking.reader);
        exception
            when lock_not_available then
                -- Next time, then.
                null;
            when others then
                raise warning 'sqlembed: cannot let % read %: %', lacking.reader, lacking.side, sqlerrm;
        end;
    end loop;
end
$function$;

comment on function sqlembed._follow_grants() is
    'Let those who were granted a table read its side tables too, where the worker may grant it.';

revoke execute on function sqlembed._follow_grants() from public;
