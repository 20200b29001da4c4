create or replace function sqlembed.create_clusters(
    relation regclass,
    method text default 'hdbscan',
    label_column name default 'cluster',
    embedding name default null,
    parameters jsonb default '{}'
)
returns void
language plpgsql
volatile
as $function$
declare
    declared sqlembed.embedding;
begin
    perform sqlembed._check_relation(create_clusters.relation);
    perform sqlembed._check_use(
        not sqlembed._blank(create_clusters.method)
            and pg_catalog.length(create_clusters.method) operator(pg_catalog.<=) 200,
        'the method has no name',
        'hdbscan comes with scikit-learn; others are registered with @registry.clustering(name).'
    );
    perform sqlembed._check_use(
        pg_catalog.jsonb_typeof(create_clusters.parameters) operator(pg_catalog.=) 'object',
        pg_catalog.format('parameters => %s is not an object', coalesce(create_clusters.parameters::pg_catalog.text, 'NULL')),
        'They are given to the function by name: {"min_cluster_size": 10}.'
    );
    declared := sqlembed._embedding_of(create_clusters.relation, create_clusters.embedding);
    perform sqlembed._clusters_source(create_clusters.relation, declared.name);
    if not sqlembed._has_cluster_column(
        create_clusters.relation, create_clusters.label_column,
        array['pg_catalog.int4'::pg_catalog.regtype, 'pg_catalog.int8'::pg_catalog.regtype]
    ) then
        execute pg_catalog.format(
            'alter table %s add column %I pg_catalog.int4', create_clusters.relation, create_clusters.label_column
        );
    end if;
    insert into sqlembed.cluster_job (relation, label_column, embedding, method, parameters)
    values (
        create_clusters.relation, create_clusters.label_column, declared.name, create_clusters.method, create_clusters.parameters
    );
    perform pg_catalog.pg_notify('sqlembed', '');
end
$function$;

comment on function sqlembed.create_clusters(regclass, text, name, name, jsonb) is
    'Have a worker cluster the rows of a table by a Python function and write their labels into a column, which is made where there is none: hdbscan, or what a registry registers. wait_until_clustered returns when they are there.';
