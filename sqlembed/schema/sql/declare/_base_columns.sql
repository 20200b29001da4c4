create or replace function sqlembed._base_columns(relation regclass, columns name[]) returns name[]
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    select array(
        select a.attname
        from pg_attribute as a
        where a.attrelid = _base_columns.relation
            and a.attgenerated = ''
            and not a.attisdropped
            and (
                a.attname = any (_base_columns.columns)
                or exists (
                    select
                    from pg_attribute as g
                    join pg_attrdef as e on e.adrelid = g.attrelid and e.adnum = g.attnum
                    join pg_depend as d
                        on d.classid = 'pg_attrdef'::regclass
                        and d.objid = e.oid
                        and d.refclassid = 'pg_class'::regclass
                        and d.refobjid = g.attrelid
                    where g.attrelid = a.attrelid
                        and g.attgenerated <> ''
                        and g.attname = any (_base_columns.columns)
                        and d.refobjsubid = a.attnum
                )
            )
        order by a.attnum
    )
$function$;

comment on function sqlembed._base_columns(regclass, name[]) is
    'Columns of a table that decide what others hold: in place of a generated column, those that it is made from. Triggers do not see the generated one, or not yet.';
