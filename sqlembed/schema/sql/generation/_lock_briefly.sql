create or replace function sqlembed._lock_briefly(holders regclass[], timeout interval) returns void
language plpgsql
volatile
as $function$
declare
    until timestamptz := clock_timestamp() operator(pg_catalog.+) _lock_briefly.timeout;
    before text := pg_catalog.current_setting('lock_timeout');
begin
    loop
        begin
            perform pg_catalog.set_config('lock_timeout', '100ms', true);
            execute pg_catalog.format(
                'lock table %s in access exclusive mode',
                (select pg_catalog.string_agg(h::text, ', ' order by n) from pg_catalog.unnest(_lock_briefly.holders) with ordinality as u (h, n))
            );
            perform pg_catalog.set_config('lock_timeout', before, true);
            return;
        exception when lock_not_available or deadlock_detected then
            if clock_timestamp() operator(pg_catalog.>) until then
                raise exception 'sqlembed: % is in use, and did not become free for a moment within %',
                    _lock_briefly.holders[1], _lock_briefly.timeout
                    using errcode = '55P03',
                        hint = 'A transaction that lasts holds it (pg_stat_activity tells which): try again later, or give a longer timeout.';
            end if;
        end;
        -- Who waits behind this goes first.
        perform pg_catalog.pg_sleep(0.1 operator(pg_catalog.+) 0.3 operator(pg_catalog.*) pg_catalog.random());
    end loop;
end
$function$;

comment on function sqlembed._lock_briefly(regclass[], interval) is
    'Lock tables for nobody else to use: for 100 ms at a time, again and again until it succeeds, so that a busy table is not stalled behind it.';
