create or replace function sqlembed._note_keys(embedding integer, keys jsonb[]) returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
    insert into sqlembed.change (embedding, key)
    select _note_keys.embedding, k.key from unnest(_note_keys.keys) as k (key)
$function$;

comment on function sqlembed._note_keys(integer, jsonb[]) is
    'Queue rows that a worker has found.';

revoke execute on function sqlembed._note_keys(integer, jsonb[]) from public;
