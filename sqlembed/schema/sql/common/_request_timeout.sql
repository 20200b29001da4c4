create or replace function sqlembed._request_timeout() returns interval
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    setting text := coalesce(nullif(current_setting('sqlembed.request_timeout', true), ''), '10s');
begin
    -- As in other settings of PostgreSQL, a bare number is in milliseconds.
    if setting ~ '^[[:space:]]*[0-9]+[[:space:]]*$' then
        setting := setting || ' ms';
    end if;
    if setting !~ '^[[:space:]]*[0-9]+([.][0-9]+)?[[:space:]]*(us|ms|s|min|h|d)[[:space:]]*$' then
        raise exception 'sqlembed: sqlembed.request_timeout is not a time: %', quote_literal(setting)
            using errcode = 'SE014', hint = 'For instance: set sqlembed.request_timeout = ''30s''.';
    end if;
    return setting::interval;
end
$function$;

comment on function sqlembed._request_timeout() is
    'How long a statement waits for a worker: the setting sqlembed.request_timeout, else 10 s.';
