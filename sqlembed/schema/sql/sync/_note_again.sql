create or replace function sqlembed._note_again(declared sqlembed.embedding, keys jsonb[], hashes bytea[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
set jit = off
-- Few or many keys, their plan is the same.
set enable_nestloop = off
as $function$
begin
    insert into sqlembed.change (embedding, key, transaction)
    select (_note_again.declared).id, t.key, pg_current_xact_id()
    from sqlembed._read_texts(_note_again.declared, _note_again.keys) as t
    join unnest(_note_again.keys, _note_again.hashes) as k (key, hash) on k.key = t.key
    where t.hash is distinct from k.hash;
end
$function$;

comment on function sqlembed._note_again(sqlembed.embedding, jsonb[], bytea[]) is
    'Note rows whose text is no longer the one that was embedded: a trigger has changed it when the vector was written.';
