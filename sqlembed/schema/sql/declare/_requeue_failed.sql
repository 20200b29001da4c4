create or replace function sqlembed._requeue_failed(embedding integer) returns setof jsonb
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
    with given_up as (
        delete from sqlembed.failed_job as f where f.embedding = _requeue_failed.embedding returning f.key
    )
    insert into sqlembed.change (embedding, key)
    select _requeue_failed.embedding, g.key from given_up as g
    returning change.key
$function$;

comment on function sqlembed._requeue_failed(integer) is
    'Move rows that were given up back to change. Harmless in anybody''s hands: it only has them tried again.';
