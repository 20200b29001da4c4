create or replace function sqlembed._has_own_changes(embedding integer default null) returns boolean
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select exists (
        select
        from sqlembed.change as c
        where c.transaction = pg_current_xact_id_if_assigned()
            and c.embedding = coalesce(_has_own_changes.embedding, c.embedding)
    )
$function$;

comment on function sqlembed._has_own_changes(integer) is
    'Whether the present transaction has written rows that are yet to be embedded, by any embedding or by one, also to a caller who may not embed them and is told so. It says nothing else to anybody.';
