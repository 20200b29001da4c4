create or replace function sqlembed.revoke_embedder(embedder text, grantee text) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    role regrole := sqlembed._grantee(revoke_embedder.grantee);
begin
    -- A new key: whoever noted the old one down has lost the right as well.
    update sqlembed.embedder_key as k
    set
        grantees = array_remove(k.grantees, role),
        key = sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8'))
    where k.embedder = revoke_embedder.embedder;
    if not found then
        raise exception 'sqlembed: unknown embedder %', coalesce(quote_literal(revoke_embedder.embedder), 'NULL')
            using errcode = 'SE001', hint = 'See: select name from sqlembed.embedder.';
    end if;
end
$function$;

comment on function sqlembed.revoke_embedder(text, text) is
    'Take the right to embed with an embedder back from a role, or from public.';

revoke execute on function sqlembed.revoke_embedder(text, text) from public;
