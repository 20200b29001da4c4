create or replace function sqlembed._forget_own_changes(embedding integer) returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
    -- Not by a right to delete from the table: whoever has that may lock it.
    delete from sqlembed.change as c
    where c.transaction = pg_current_xact_id_if_assigned() and c.embedding = _forget_own_changes.embedding
$function$;

comment on function sqlembed._forget_own_changes(integer) is
    'Take back the notes of rows that the present transaction has written, for it gives them their vectors itself. Nobody else''s notes can be seen or touched by it.';
