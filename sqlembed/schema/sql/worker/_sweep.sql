create or replace function sqlembed._sweep(cache_bytes bigint) returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set jit = off
as $function$
begin
    delete from sqlembed.request as r where r.asked_at < clock_timestamp() - interval '30 s';
    perform sqlembed._trim_cache(_sweep.cache_bytes);

    -- A lease ends with its worker, and with its time.
    perform sqlembed._end_lease(l.id, l.keys)
    from sqlembed.lease as l
    where l.worker <> all (array(select w.id from sqlembed.worker as w))
        or l.locked_until < clock_timestamp()
        or l.embedding not in (select e.id from sqlembed.embedding as e);
    with living as materialized (
        select w.id from sqlembed.worker as w
    ),
    left_behind as materialized (
        select j.embedding, j.key
        from sqlembed.job as j
        where j.worker <> all (array(select l.id from living as l)) or j.locked_until < clock_timestamp()
        for update skip locked
    )
    update sqlembed.job as j
    set locked_until = null, worker = null
    from left_behind as b
    where j.embedding = b.embedding and j.key = b.key;

    -- PostgreSQL tells only superusers that a table or a column was dropped: look for them. Their
    -- owner may have locked the row, for as long as a transaction lasts.
    delete from sqlembed.embedding as e
    where e.id = any (
        array(
            select g.id
            from sqlembed.embedding as g
            where not exists (select from sqlembed._present_columns(g) as p where p.vector is not null)
                or not exists (select from pg_class as c where c.oid = g.relation)
                or g.generation_of is not null
                and not exists (select from sqlembed.embedding as o where o.id = g.generation_of)
            for update of g skip locked
        )
    );
    update sqlembed.clustering as c
    set vector_column = p.vector_column,
        cluster_column = p.cluster_column,
        vector_number = (sqlembed._column_numbers(c.relation, array[p.vector_column]))[1],
        cluster_number = (sqlembed._column_numbers(c.relation, array[p.cluster_column]))[1],
        numbered_in = c.relation::oid
    from (
        select d.id, n.*
        from sqlembed.clustering as d
        cross join lateral sqlembed._clustering_columns(d) as n
        where (n.vector_column, n.cluster_column, d.relation::oid) <> (d.vector_column, d.cluster_column, d.numbered_in)
            -- Of two that were dropped there is nothing to follow.
            and n.vector_column is not null
            and n.cluster_column is not null
        for update of d skip locked
    ) as p
    where c.id = p.id;
    perform sqlembed._drop_leftovers();
    with orphans as materialized (
        select j.embedding, j.key
        from sqlembed.job as j
        where j.embedding not in (select e.id from sqlembed.embedding as e)
        for update skip locked
    )
    delete from sqlembed.job as j
    using orphans as o
    where j.embedding = o.embedding and j.key = o.key;
    delete from sqlembed.cluster_job as c
    where not exists (select from pg_class as t where t.oid = c.relation)
        or exists (
            select from sqlembed.cluster_job as n
            where n.relation = c.relation and n.label_column = c.label_column and n.id > c.id
        );
    delete from sqlembed.failed_job as f
    where f.embedding not in (select e.id from sqlembed.embedding as e);
end
$function$;

comment on function sqlembed._sweep(bigint) is
    'Housekeeping: old requests, what the cache holds beyond a number of bytes, leases of workers that are dead or stuck, embeddings whose table or column was dropped, and what belongs to embeddings that are no more. Clusterings follow their columns.';

revoke execute on function sqlembed._sweep(bigint) from public;
