create or replace function sqlembed._trim_cache(most bigint) returns bigint
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    held record;
    excess bigint;
    gone bigint;
begin
    -- The table is never smaller than what is in it: a look that costs nothing.
    if _trim_cache.most > 0 and pg_table_size('sqlembed.cache') <= _trim_cache.most then
        return 0;
    end if;
    select coalesce(sum(u.vectors), 0) as vectors, coalesce(sum(u.bytes), 0) as bytes
    into held
    from sqlembed.cache_use as u;
    if held.bytes <= _trim_cache.most then
        return 0;
    end if;
    -- A little more than has to be, so that not every look finds something; and not many at once,
    -- because a worker that wants to keep one of them waits for this.
    excess := ceil(held.vectors * (1 - 0.95 * _trim_cache.most / held.bytes));
    delete from sqlembed.cache as c
    where c.ctid = any (
        array(
            select d.ctid
            from sqlembed.cache as d
            order by d.used_at
            limit least(excess, 10000)
            for update skip locked
        )
    );
    get diagnostics gone = row_count;
    return gone;
end
$function$;

comment on function sqlembed._trim_cache(bigint) is
    'Let go of what has not been used for longest, when the cache holds more than so many bytes. Returns how many vectors went.';

revoke execute on function sqlembed._trim_cache(bigint) from public;
