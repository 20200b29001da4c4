create or replace function sqlembed._follow_keys() returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
set lock_timeout = '200ms'
as $function$
declare
    declared record;
begin
    for declared in
        select e as embedding, e.id, e.relation, k.columns, k.types, k.expression
        from sqlembed.embedding as e
        cross join lateral (
            select
                k.columns,
                array(
                    select a.atttypid::regtype
                    from unnest(k.columns) with ordinality as c (name, position)
                    join pg_attribute as a on a.attrelid = e.relation and a.attname = c.name and not a.attisdropped
                    order by c.position
                ) as types,
                k.expression
            from sqlembed._key_sql(e.relation) as k
        ) as k
        where k.columns is not null and (k.columns, k.types) is distinct from (e.key_columns, e.key_types)
    loop
        update sqlembed.embedding as e
        set key_columns = declared.columns, key_types = declared.types, key_expression = declared.expression
        where e.id = declared.id;
        perform sqlembed._make_note_function(declared.id);
        -- What was written in between has not been noted.
        execute format(
            'insert into sqlembed.change (embedding, key) select %s, %s from %s as r where not (%s)',
            declared.id, declared.expression, declared.relation, sqlembed._vector_test(declared.embedding, 'r')
        );
    end loop;
exception when lock_not_available then
    -- Next time, then.
    null;
end
$function$;

comment on function sqlembed._follow_keys() is
    'Follow primary keys whose columns were renamed or changed their types.';

revoke execute on function sqlembed._follow_keys() from public;
