create or replace function sqlembed._grantee(name text) returns regrole
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    role oid;
begin
    if lower(_grantee.name) = 'public' then
        return 0::oid::regrole;
    end if;
    select r.oid into role from pg_roles as r where r.rolname = _grantee.name;
    if role is null then
        raise exception 'sqlembed: role % does not exist', coalesce(quote_literal(_grantee.name), 'NULL')
            using errcode = '42704', hint = 'Give the name of a role, unquoted, or public.';
    end if;
    return role::regrole;
end
$function$;

comment on function sqlembed._grantee(text) is 'The role of that name; 0 for public.';
