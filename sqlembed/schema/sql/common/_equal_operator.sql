create or replace function sqlembed._equal_operator(operator_class oid) returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    select coalesce(
        (
            select format('operator(%I.%s)', n.nspname, p.oprname)
            from pg_opclass as c
            join pg_amop as m
                on m.amopfamily = c.opcfamily
                and m.amopstrategy = 3
                and m.amoplefttype = c.opcintype
                and m.amoprighttype = c.opcintype
            join pg_am as method on method.oid = m.amopmethod and method.amname = 'btree'
            join pg_operator as p on p.oid = m.amopopr
            join pg_namespace as n on n.oid = p.oprnamespace
            where c.oid = _equal_operator.operator_class
        ),
        'operator(pg_catalog.=)'
    )
$function$;

comment on function sqlembed._equal_operator(oid) is
    'The operator by which an index tells equal keys, qualified, as SQL text.';
