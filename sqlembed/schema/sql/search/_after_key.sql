create or replace function sqlembed._after_key(relation regclass, row_name text, key jsonb) returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    part record;
    before text := '';
    condition text;
begin
    perform sqlembed._check_key(_after_key.relation, 'after_key', _after_key.key);
    -- By the operators of the key's own index, which is what "order by" goes by.
    for part in
        select
            format('%s.%I', _after_key.row_name, a.attname) as expression,
            format(
                case
                    -- A key names a moment in UTC without saying so; a client's own jsonb says it.
                    when a.atttypid = 'timestamptz'::regtype
                    then '(case when $4 operator(pg_catalog.->>) %1$s operator(pg_catalog.~) '':[0-9]{2}([.][0-9]+)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)$'' '
                        'then ($4 operator(pg_catalog.->>) %1$s)::pg_catalog.timestamptz '
                        'else pg_catalog.timezone(''UTC'', ($4 operator(pg_catalog.->>) %1$s)::pg_catalog.timestamp) end)'
                    else '($4 operator(pg_catalog.->>) %1$s)::%2$s'
                end,
                k.position - 1,
                format_type(a.atttypid, -1)
            ) as value,
            o.equal,
            o.greater
        from pg_index as i
        cross join unnest(i.indkey, i.indclass) with ordinality as k (attnum, operator_class, position)
        join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.attnum
        join pg_opclass as c on c.oid = k.operator_class
        cross join lateral (
            select
                max(format('operator(%I.%s)', n.nspname, p.oprname)) filter (where m.amopstrategy = 3) as equal,
                max(format('operator(%I.%s)', n.nspname, p.oprname)) filter (where m.amopstrategy = 5) as greater
            from pg_amop as m
            join pg_operator as p on p.oid = m.amopopr
            join pg_namespace as n on n.oid = p.oprnamespace
            where m.amopfamily = c.opcfamily and m.amoplefttype = c.opcintype and m.amoprighttype = c.opcintype
        ) as o
        where i.indrelid = _after_key.relation and i.indisprimary and k.position <= i.indnkeyatts
        order by k.position
    loop
        condition := concat_ws(' or ', condition, format('%s%s %s %s', before, part.expression, part.greater, part.value));
        before := format('%s%s %s %s and ', before, part.expression, part.equal, part.value);
    end loop;
    return condition;
end
$function$;

comment on function sqlembed._after_key(regclass, text, jsonb) is
    'The condition that the key of a row comes after the key $4, in the order of the primary key.';
