create or replace function sqlembed._is_waiting(relation regclass, since timestamptz) returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    select exists (
        select
        from sqlembed._waiting as w
        where w.relation = _is_waiting.relation and w.generation = 'current' and w.changed_at <= _is_waiting.since
    )
$function$;

comment on function sqlembed._is_waiting(regclass, timestamptz) is
    'Whether a row of a table waits that was written by then: cheaper than to count them.';
