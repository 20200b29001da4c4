create or replace function sqlembed._is_to_be_made(made name, body text, relation regclass) returns boolean
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    present record;
    owner regrole := (select c.relowner from pg_class as c where c.oid = _is_to_be_made.relation);
begin
    select p.oid, p.prosrc
    into present
    from pg_proc as p
    where p.oid = to_regprocedure(format('sqlembed.%I()', _is_to_be_made.made));
    if present.oid is null then
        return true;
    end if;
    -- Whoever replaces a function keeps everybody else from it to the end of their transaction.
    if present.prosrc = _is_to_be_made.body and has_function_privilege(owner, present.oid, 'execute') then
        return false;
    end if;
    if not sqlembed._acts_for_owner(_is_to_be_made.relation) then
        raise exception 'sqlembed: must be owner of table %', _is_to_be_made.relation
            using errcode = '42501', hint = format('Its owner is %s, and the session is that of %I.', owner, session_user);
    end if;
    return true;
end
$function$;

comment on function sqlembed._is_to_be_made(name, text, regclass) is
    'Whether a trigger function of an embedding is missing, or is to be another; then an error when the session is neither a worker''s nor of the owner of the table.';

revoke execute on function sqlembed._is_to_be_made(name, text, regclass) from public;
