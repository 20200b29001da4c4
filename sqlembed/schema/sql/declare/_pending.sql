create or replace function sqlembed._pending(relation regclass, out rows bigint, out served boolean)
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    with waiting as materialized (
        select w.embedder, nullif(count(distinct w.key), 0) as rows
        from sqlembed._waiting as w
        where w.relation = _pending.relation and w.generation = 'current'
        group by w.embedding, w.embedder
    )
    select
        case when count(*) = count(w.rows) then coalesce(sum(w.rows), 0)::bigint end,
        coalesce(bool_and(exists (select from sqlembed.worker as l where w.embedder = any (l.embedders))), true)
    from waiting as w
$function$;

comment on function sqlembed._pending(regclass) is
    'How many rows of a table wait, NULL for those from whom a policy keeps rows back, and whether living workers serve all of them.';
