create or replace function sqlembed._take_requests(worker integer, most integer)
returns table (id bigint, embedder text, kind text, inputs text[])
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    -- Callers ask again every 100 ms; one that has not for a second is gone.
    delete from sqlembed.request as r
    where r.worker = _take_requests.worker
        and not r.done
        and r.asked_at < clock_timestamp() - interval '1 s';
    return query
    select r.id, r.embedder, r.kind, r.inputs
    from sqlembed.request as r
    where r.worker = _take_requests.worker and not r.done
    order by r.id
    limit _take_requests.most;
end
$function$;

comment on function sqlembed._take_requests(integer, integer) is
    'Requests that wait for a worker; those nobody asks for any more are dropped.';

revoke execute on function sqlembed._take_requests(integer, integer) from public;
