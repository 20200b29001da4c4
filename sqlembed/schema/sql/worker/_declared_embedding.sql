create or replace function sqlembed._declared_embedding(embedding integer) returns sqlembed.embedding
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select e from sqlembed.embedding as e where e.id = _declared_embedding.embedding
$function$;

comment on function sqlembed._declared_embedding(integer) is
    'The declaration of an embedding, for workers: they read no table under a policy.';

revoke execute on function sqlembed._declared_embedding(integer) from public;
