create or replace function sqlembed._pending(relation regclass, out rows bigint, out served boolean)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    with waiting as materialized (
        select e.embedder, w.rows
        from sqlembed.embedding as e
        cross join lateral (
            select count(*) as rows
            from (
                select j.key from sqlembed.job as j where j.embedding = e.id
                union
                select c.key from sqlembed.change as c where c.embedding = e.id
            ) as keys
        ) as w
        where e.relation = _pending.relation and w.rows > 0
    )
    select
        coalesce(sum(w.rows), 0)::bigint,
        coalesce(bool_and(exists (select from sqlembed.worker as l where w.embedder = any (l.embedders))), true)
    from waiting as w
$function$;

comment on function sqlembed._pending(regclass) is
    'How many rows of a table wait, and whether living workers serve all of them.';
