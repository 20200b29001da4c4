create or replace function sqlembed._estimated_rows(relation regclass) returns double precision
language sql
stable
as $function$
    select coalesce(pg_catalog.sum(c.reltuples), 0)
    from (
        select _estimated_rows.relation::pg_catalog.oid as oid
        union
        select p.relid from pg_catalog.pg_partition_tree(_estimated_rows.relation) as p where p.isleaf
        union
        select i.inhrelid from pg_catalog.pg_inherits as i where i.inhparent operator(pg_catalog.=) _estimated_rows.relation
    ) as part
    join pg_catalog.pg_class as c on c.oid operator(pg_catalog.=) part.oid
    -- A partitioned table counts its rows a second time, and one that was never analyzed none.
    where c.relkind operator(pg_catalog.<>) 'p' and c.reltuples operator(pg_catalog.>) 0
$function$;

comment on function sqlembed._estimated_rows(regclass) is
    'How many rows a table had when it was last analyzed, its partitions and children included; 0 for a view.';
