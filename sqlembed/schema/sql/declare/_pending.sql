create or replace function sqlembed._pending(relation regclass, out rows bigint, out served boolean)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    with waiting as (
        select e.embedder, j.key, j.embedding
        from sqlembed.embedding as e
        join sqlembed.job as j on j.embedding = e.id
        where e.relation = _pending.relation
        union
        select e.embedder, c.key, c.embedding
        from sqlembed.embedding as e
        join sqlembed.change as c on c.embedding = e.id
        where e.relation = _pending.relation
    )
    select
        count(*),
        coalesce(
            bool_and(
                exists (select from sqlembed.worker as w where waiting.embedder = any (w.embedders))
            ),
            true
        )
    from waiting
$function$;

comment on function sqlembed._pending(regclass) is
    'How many rows of a table wait, and whether living workers serve all of them.';
