create or replace function sqlembed._key_sql(
    relation regclass,
    prefix text default 'r.',
    length integer default null,
    out columns name[],
    out expression text,
    out match text
)
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    -- The expression may run with the rights of the owner of sqlembed, on rows whose types have
    -- changed since: only PostgreSQL's own types become jsonb directly, because the cast of another
    -- could be its owner's. The condition does use casts and operators of the key's type, as its
    -- index does; whoever evaluates it evaluates the table's source expression as well.
    select
        array_agg(a.attname order by k.position),
        format(
            'pg_catalog.jsonb_build_array(%s)',
            string_agg(
                format(
                    case
                        when t.oid = any ('{bool,int2,int4,int8,numeric,text,varchar,bpchar,name,uuid,date,timestamp}'::regtype[])
                        then 'case when pg_catalog.pg_typeof(%1$s) operator(pg_catalog.=) ''pg_catalog.%2$s''::pg_catalog.regtype '
                            'then pg_catalog.to_jsonb(%1$s) else pg_catalog.to_jsonb(sqlembed._key_text(%1$s)) end'
                        when t.oid = 'timestamptz'::regtype
                        then 'case when pg_catalog.pg_typeof(%1$s) operator(pg_catalog.=) ''pg_catalog.%2$s''::pg_catalog.regtype '
                            'then pg_catalog.to_jsonb(pg_catalog.timezone(''UTC'', %1$s)) '
                            'else pg_catalog.to_jsonb(sqlembed._key_text(%1$s)) end'
                        else 'pg_catalog.to_jsonb(sqlembed._key_text(%1$s))'
                    end,
                    _key_sql.prefix || quote_ident(a.attname),
                    t.typname
                ),
                ', '
                order by k.position
            )
        ),
        string_agg(
            format(
                case
                    when t.oid = 'timestamptz'::regtype
                    then 'r.%1$I %2$s pg_catalog.timezone(''UTC'', (k.key operator(pg_catalog.->>) %3$s)::pg_catalog.timestamp)'
                    else 'r.%1$I %2$s (k.key operator(pg_catalog.->>) %3$s)::%4$s'
                end,
                a.attname,
                sqlembed._equal_operator(k.operator_class),
                k.position - 1,
                -- Without the length of a char or a varchar; nothing has to be cut off.
                format_type(base.oid, -1)
            ),
            ' and '
            order by k.position
        )
    from pg_index as i
    cross join unnest(i.indkey, i.indclass) with ordinality as k (attnum, operator_class, position)
    join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.attnum
    join pg_type as t on t.oid = a.atttypid
    cross join lateral (
        with recursive base as (
            select t.oid, t.typtype, t.typbasetype
            union all
            select b.oid, b.typtype, b.typbasetype
            from base
            join pg_type as b on base.typtype = 'd' and b.oid = base.typbasetype
        )
        select base.oid from base where base.typtype <> 'd'
    ) as base
    where i.indrelid = _key_sql.relation and i.indisprimary and k.position <= coalesce(_key_sql.length, i.indnkeyatts)
    having count(*) > 0
$function$;

comment on function sqlembed._key_sql(regclass, text, integer) is
    'The primary key of a table: its columns, SQL that makes the jsonb key of row r (or of columns with another prefix), and the condition that row r has the key k.key. Of the first so many of its columns, if length is given. No row without a primary key.';
