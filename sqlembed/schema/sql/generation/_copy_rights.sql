create or replace function sqlembed._copy_rights(present sqlembed.embedding, other sqlembed.embedding) returns void
language plpgsql
volatile
as $function$
declare
    statement text;
begin
    for statement in
        select pg_catalog.format(
            case
                -- What was taken back meanwhile does not return with the name.
                when a.attnum operator(pg_catalog.<>) (_copy_rights.present).vector_number or a.attrelid operator(pg_catalog.<>) h.present
                then 'revoke %1$s (%2$I) on %3$s from %4$s cascade'
                when g.is_grantable then 'grant %1$s (%2$I) on %3$s to %4$s with grant option'
                else 'grant %1$s (%2$I) on %3$s to %4$s'
            end,
            g.privilege_type, sqlembed._vector_name(_copy_rights.other), h.other,
            case when g.grantee operator(pg_catalog.=) 0::pg_catalog.oid then 'public' else g.grantee::pg_catalog.regrole::text end
        ) as statement
        from (
            select
                coalesce((_copy_rights.present).side, (_copy_rights.present).relation) as present,
                coalesce((_copy_rights.other).side, (_copy_rights.other).relation) as other
        ) as h
        join pg_catalog.pg_attribute as a
            on a.attrelid operator(pg_catalog.=) h.present and a.attnum operator(pg_catalog.=) (_copy_rights.present).vector_number
            or a.attrelid operator(pg_catalog.=) h.other and a.attnum operator(pg_catalog.=) (_copy_rights.other).vector_number
        cross join lateral pg_catalog.aclexplode(a.attacl) as g
        order by statement desc
    loop
        execute statement;
    end loop;
end
$function$;

comment on function sqlembed._copy_rights(sqlembed.embedding, sqlembed.embedding) is
    'Grant on the vector column of a generation what was granted on that of another, and that alone.';
