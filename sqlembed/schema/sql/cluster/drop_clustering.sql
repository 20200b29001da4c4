create or replace function sqlembed.drop_clustering(name text, keep_column boolean default true) returns void
language plpgsql
volatile
as $function$
declare
    known sqlembed.clustering := sqlembed._clustering_of(drop_clustering.name);
    cluster_column pg_catalog.name;
begin
    -- The table may be gone.
    if exists (select from pg_catalog.pg_class as c where c.oid operator(pg_catalog.=) known.relation) then
        perform sqlembed._check_relation(known.relation);
        execute pg_catalog.format(
            'drop trigger if exists %I on %s', 'zzz_sqlembed_cluster_insert_' operator(pg_catalog.||) known.id::pg_catalog.text, known.relation
        );
        execute pg_catalog.format(
            'drop trigger if exists %I on %s', 'zzz_sqlembed_cluster_update_' operator(pg_catalog.||) known.id::pg_catalog.text, known.relation
        );
        cluster_column := (select c.cluster_column from sqlembed._clustering_columns(known) as c);
        if not drop_clustering.keep_column and cluster_column is not null then
            execute pg_catalog.format('alter table %s drop column %I', known.relation, cluster_column);
        end if;
    end if;
    update sqlembed.clustering as c set is_dropped = true where c.id operator(pg_catalog.=) known.id;
    update sqlembed.cluster_model as m set is_dropped = true where m.name operator(pg_catalog.=) known.name;
end
$function$;

comment on function sqlembed.drop_clustering(text, boolean) is
    'Stop keeping a cluster column up to date, and forget the model. The column and its clusters stay unless keep_column is false.';
