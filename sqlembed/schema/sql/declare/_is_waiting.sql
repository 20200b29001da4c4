create or replace function sqlembed._is_waiting(relation regclass, since timestamptz) returns boolean
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select exists (
        select
        from sqlembed.embedding as e
        where e.relation = _is_waiting.relation
            and (
                exists (
                    select from sqlembed.job as j where j.embedding = e.id and j.changed_at <= _is_waiting.since
                )
                or exists (
                    select from sqlembed.change as c where c.embedding = e.id and c.changed_at <= _is_waiting.since
                )
            )
    )
$function$;

comment on function sqlembed._is_waiting(regclass, timestamptz) is
    'Whether a row of a table waits that was written by then: cheaper than to count them.';
