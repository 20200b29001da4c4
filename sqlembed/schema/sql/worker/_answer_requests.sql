create or replace function sqlembed._answer_requests(
    worker integer,
    ids bigint[],
    counts integer[],
    errors text[],
    fingerprint text,
    kind text,
    hashes bytea[],
    vectors public.vector[]
)
returns integer
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    update sqlembed.request as r
    set
        result = case when a.error is null then _answer_requests.vectors[a.upto - a.count + 1:a.upto] end,
        error = a.error,
        done = true
    from (
        select u.id, u.count, u.error, (sum(u.count) over (order by u.ordinality))::integer as upto
        from rows from (
            unnest(_answer_requests.ids), unnest(_answer_requests.counts), unnest(_answer_requests.errors)
        ) with ordinality as u (id, count, error, ordinality)
    ) as a
    where r.id = a.id and not r.done;

    perform sqlembed._write_cache(
        _answer_requests.fingerprint, _answer_requests.kind, _answer_requests.hashes, _answer_requests.vectors
    );
    return sqlembed._next_epoch(_answer_requests.worker);
end
$function$;

comment on function sqlembed._answer_requests(integer, bigint[], integer[], text[], text, text, bytea[], public.vector[]) is
    'Store the answers to requests: for each so many of the vectors, one after the other, or an error. The vectors go into the cache too. Returns the epoch that begins; after the commit the worker calls _leave_epoch.';

revoke execute on function sqlembed._answer_requests(
    integer, bigint[], integer[], text[], text, text, bytea[], public.vector[]
) from public;
