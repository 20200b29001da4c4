create or replace function sqlembed._sees_all_rows(relation regclass) returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    select
        has_table_privilege(_sees_all_rows.relation, 'select')
        and (
            not row_security_active(_sees_all_rows.relation)
            or exists (
                select from pg_class as c
                where c.oid = _sees_all_rows.relation and pg_has_role(c.relowner, 'usage')
            )
        )
$function$;

comment on function sqlembed._sees_all_rows(regclass) is
    'Whether the caller may see every row of a table: no policy keeps any back.';
