create or replace function sqlembed._may_wait(embedding integer, key jsonb) returns boolean
language sql
volatile
set search_path = pg_catalog, pg_temp
as $function$
    -- The log of changes and the batches in hand have no index. They are asked for every row whose key
    -- changes, so a long log and any batch count as a yes: to embed a row once more is cheaper than to
    -- read it all again.
    select exists (
        select from sqlembed.job as j where j.embedding = _may_wait.embedding and j.key = _may_wait.key
    )
    or exists (select from sqlembed.lease as l where l.embedding = _may_wait.embedding)
    or exists (
        select
        from sqlembed.failed_job as f
        where f.embedding = _may_wait.embedding and md5(f.key::text) = md5(_may_wait.key::text)
    )
    or (
        select count(*) > 100 or coalesce(bool_or(c.key = _may_wait.key), false)
        from (
            select c.key from sqlembed.change as c where c.embedding = _may_wait.embedding limit 101
        ) as c
    )
$function$;

comment on function sqlembed._may_wait(integer, jsonb) is
    'Whether a row may wait for its vector.';

revoke execute on function sqlembed._may_wait(integer, jsonb) from public;
