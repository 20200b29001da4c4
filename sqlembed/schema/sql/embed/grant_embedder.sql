create or replace function sqlembed.grant_embedder(embedder text, grantee text) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    role regrole := sqlembed._grantee(grant_embedder.grantee);
begin
    update sqlembed.embedder_key as k
    set grantees = array_append(array_remove(k.grantees, role), role)
    where k.embedder = grant_embedder.embedder;
    if not found then
        raise exception 'sqlembed: unknown embedder %', coalesce(quote_literal(grant_embedder.embedder), 'NULL')
            using errcode = 'SE001', hint = 'See: select name from sqlembed.embedder.';
    end if;
end
$function$;

comment on function sqlembed.grant_embedder(text, text) is
    'Let a role, or public, embed with an embedder.';

revoke execute on function sqlembed.grant_embedder(text, text) from public;
