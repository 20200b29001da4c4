create or replace function sqlembed._keep_queued(embedding integer) returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
    update sqlembed.embedding as e set queued_at = clock_timestamp() where e.id = _keep_queued.embedding
$function$;

comment on function sqlembed._keep_queued(integer) is
    'Write down that the rows of a generation have been queued.';

revoke execute on function sqlembed._keep_queued(integer) from public;
