create or replace function sqlembed._side_readers(relation regclass, side regclass) returns setof text
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    select case g.grantee when 0 then 'public' else g.grantee::regrole::text end
    from (
        select a.grantee
        from pg_class as c
        cross join aclexplode(c.relacl) as a
        where c.oid = _side_readers.relation and a.privilege_type = 'SELECT' and a.grantee <> c.relowner
        except
        select a.grantee
        from pg_class as c
        cross join aclexplode(c.relacl) as a
        where c.oid = _side_readers.side and a.privilege_type = 'SELECT'
    ) as g
$function$;

comment on function sqlembed._side_readers(regclass, regclass) is
    'Roles, as SQL text, that were granted SELECT on a table and not yet on its side table.';
