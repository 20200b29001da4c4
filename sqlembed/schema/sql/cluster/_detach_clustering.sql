create or replace function sqlembed._detach_clustering(known sqlembed.clustering) returns void
language plpgsql
volatile
as $function$
begin
    -- The table may be gone.
    if exists (select from pg_catalog.pg_class as c where c.oid operator(pg_catalog.=) (_detach_clustering.known).relation) then
        execute pg_catalog.format(
            'drop trigger if exists %I on %s',
            'zzz_sqlembed_cluster_insert_' operator(pg_catalog.||) (_detach_clustering.known).id::pg_catalog.text,
            (_detach_clustering.known).relation
        );
        execute pg_catalog.format(
            'drop trigger if exists %I on %s',
            'zzz_sqlembed_cluster_update_' operator(pg_catalog.||) (_detach_clustering.known).id::pg_catalog.text,
            (_detach_clustering.known).relation
        );
    end if;
    update sqlembed.clustering as c set is_dropped = true where c.id operator(pg_catalog.=) (_detach_clustering.known).id;
end
$function$;

comment on function sqlembed._detach_clustering(sqlembed.clustering) is
    'Leave a column of clusters to itself. The model stays.';
