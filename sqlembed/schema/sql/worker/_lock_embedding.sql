create or replace function sqlembed._lock_embedding(embedding integer) returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform
    from sqlembed.embedding as e
    where e.id = _lock_embedding.embedding
    for no key update skip locked;
    return found;
end
$function$;

comment on function sqlembed._lock_embedding(integer) is
    'Whether nobody else is changing an embedding; then nobody does so before the transaction ends.';

revoke execute on function sqlembed._lock_embedding(integer) from public;
