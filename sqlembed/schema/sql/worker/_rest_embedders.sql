create or replace function sqlembed._rest_embedders(worker integer, embedders text[]) returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
    update sqlembed.worker_process as w set resting = _rest_embedders.embedders where w.id = _rest_embedders.worker
$function$;

comment on function sqlembed._rest_embedders(integer, text[]) is
    'Say which embedders a worker leaves alone for now, because they are down.';

revoke execute on function sqlembed._rest_embedders(integer, text[]) from public;
