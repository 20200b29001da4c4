drop server if exists sqlembed_loopback cascade;
drop schema sqlembed_wire cascade;

-- Everything in schema sqlembed but the table that Alembic still writes to. Dropping the trigger
-- function takes the triggers off the embedded tables; their columns and indexes stay.
do $downgrade$
declare
    object record;
begin
    for object in
        select format('%s', p.oid::regprocedure) as signature
        from pg_proc as p
        where p.pronamespace = 'sqlembed'::regnamespace
    loop
        execute format('drop routine if exists %s cascade', object.signature);
    end loop;
    for object in
        select c.relname, c.relkind
        from pg_class as c
        where c.relnamespace = 'sqlembed'::regnamespace
            and c.relkind in ('r', 'v', 'c')
            and c.relname <> 'alembic_version'
        order by c.relkind desc
    loop
        execute format(
            'drop %s if exists sqlembed.%I cascade',
            case object.relkind when 'v' then 'view' when 'c' then 'type' else 'table' end,
            object.relname
        );
    end loop;
    revoke usage on schema sqlembed from public;
end
$downgrade$;
