create or replace function sqlembed._own_changes(embedding integer) returns jsonb[]
language sql
volatile
set search_path = pg_catalog, pg_temp
as $function$
    -- The policy of the table says the same of the transaction, except to those whom none binds.
    select array_agg(distinct c.key)
    from sqlembed.change as c
    where c.transaction = pg_current_xact_id_if_assigned() and c.embedding = _own_changes.embedding
$function$;

comment on function sqlembed._own_changes(integer) is
    'Keys of the rows that the present transaction has written and not yet embedded, in order; NULL when there are none.';
