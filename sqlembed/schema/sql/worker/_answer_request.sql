create or replace function sqlembed._answer_request(id bigint, result public.vector[], error text) returns void
language sql
volatile
set search_path = pg_catalog, pg_temp
as $function$
    update sqlembed.request as r
    set result = _answer_request.result, error = _answer_request.error, done = true
    where r.id = _answer_request.id and not r.done
$function$;

comment on function sqlembed._answer_request(bigint, public.vector[], text) is
    'Store the answer to a request.';

revoke execute on function sqlembed._answer_request(bigint, public.vector[], text) from public;
