create or replace function sqlembed._key_sql(
    relation regclass,
    out columns name[],
    out expression text,
    out match text
)
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    -- Types that users made are written by their output function and compared as text: a cast or an
    -- operator of theirs would run with the rights of whoever maintains the queue.
    select
        array_agg(a.attname order by k.ordinality),
        format(
            'jsonb_build_array(%s)',
            string_agg(
                format(
                    case
                        when b.oid in (1184) then '(r.%1$I at time zone ''UTC'')'
                        when b.oid < 16384 and b.typcategory <> 'A' then 'r.%1$I'
                        else 'format(''%%s'', r.%1$I)'
                    end,
                    a.attname
                ),
                ', '
                order by k.ordinality
            )
        ),
        string_agg(
            case
                when b.oid in (1184)
                then format('r.%I = ((k.key ->> %s)::timestamp at time zone ''UTC'')', a.attname, k.ordinality - 1)
                when b.oid < 16384 or b.typtype = 'e'
                then format('r.%I = (k.key ->> %s)::%s', a.attname, k.ordinality - 1, format_type(a.atttypid, a.atttypmod))
                else format('format(''%%s'', r.%I) = (k.key ->> %s)', a.attname, k.ordinality - 1)
            end,
            ' and '
            order by k.ordinality
        )
    from pg_index as i
    cross join unnest(i.indkey) with ordinality as k (attnum, ordinality)
    join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.attnum
    join lateral (
        with recursive base as (
            select t.oid, t.typtype, t.typbasetype, t.typcategory from pg_type as t where t.oid = a.atttypid
            union all
            select t.oid, t.typtype, t.typbasetype, t.typcategory
            from base
            join pg_type as t on base.typtype = 'd' and t.oid = base.typbasetype
        )
        select base.* from base where base.typtype <> 'd'
    ) as b on true
    where i.indrelid = _key_sql.relation and i.indisprimary
    having count(*) > 0
$function$;

comment on function sqlembed._key_sql(regclass) is
    'The primary key of a table: its columns, SQL that makes the jsonb key of row r, and the condition that row r has the key k.key. No row without a primary key.';
