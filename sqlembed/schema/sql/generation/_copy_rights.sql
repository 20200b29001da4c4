create or replace function sqlembed._copy_rights(present sqlembed.embedding, other sqlembed.embedding) returns void
language plpgsql
volatile
as $function$
declare
    granted record;
begin
    for granted in
        select
            g.privilege_type,
            coalesce(nullif(g.grantee, 0::pg_catalog.oid)::pg_catalog.regrole::text, 'public') as grantee,
            case when g.is_grantable then ' with grant option' else '' end as option
        from pg_catalog.pg_attribute as a
        cross join lateral pg_catalog.aclexplode(a.attacl) as g
        where a.attrelid operator(pg_catalog.=) coalesce((_copy_rights.present).side, (_copy_rights.present).relation)
            and a.attnum operator(pg_catalog.=) (_copy_rights.present).vector_number
    loop
        execute pg_catalog.format(
            'grant %s (%I) on %s to %s%s',
            granted.privilege_type, sqlembed._vector_name(_copy_rights.other),
            coalesce((_copy_rights.other).side, (_copy_rights.other).relation), granted.grantee, granted.option
        );
    end loop;
end
$function$;

comment on function sqlembed._copy_rights(sqlembed.embedding, sqlembed.embedding) is
    'Grant on the vector column of a generation what was granted on that of another.';
