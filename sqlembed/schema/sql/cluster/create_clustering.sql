create or replace function sqlembed.create_clustering(
    relation regclass,
    name text,
    embedding name default null,
    cluster_column name default 'cluster',
    num_clusters integer default null,
    metric text default null,
    seed integer default 0,
    choose_by text default 'silhouette'
)
returns sqlembed.fitted_model
language plpgsql
volatile
as $function$
declare
    vector_column pg_catalog.name;
    declared_metric pg_catalog.text;
    is_there boolean;
    known sqlembed.clustering;
    fitted sqlembed.fitted_model;
begin
    perform sqlembed._check_relation(create_clustering.relation);
    perform sqlembed._refuse_clustering(create_clustering.name, 'refit_clustering');
    -- Partitions get the row triggers of their parent, inheritance children do not.
    if exists (
        select
        from pg_catalog.pg_inherits as i
        join pg_catalog.pg_class as c on c.oid operator(pg_catalog.=) i.inhparent and c.relkind operator(pg_catalog.=) 'r'
        where i.inhparent operator(pg_catalog.=) create_clustering.relation
    ) then
        raise exception 'sqlembed: % has inheritance children, whose rows would not keep their clusters', create_clustering.relation
            using errcode = 'SE010', hint = 'Fit a model to all of them with create_kmeans, and read clusters with assign.';
    end if;
    vector_column := sqlembed._vector_column(
        create_clustering.relation,
        -- Of several generations it is the current one.
        coalesce(
            create_clustering.embedding,
            (
                select pg_catalog.min(sqlembed._vector_name(e)::pg_catalog.text)::pg_catalog.name
                from sqlembed.embedding as e
                where coalesce(e.side, e.relation) operator(pg_catalog.=) create_clustering.relation
                    and e.generation operator(pg_catalog.=) 'current'
                having pg_catalog.count(*) operator(pg_catalog.=) 1
            )
        )
    );
    select case when e.metric operator(pg_catalog.=) any ('{euclidean,l1}') then 'euclidean' else 'cosine' end
    into declared_metric
    from sqlembed.embedding as e
    where coalesce(e.side, e.relation) operator(pg_catalog.=) create_clustering.relation
        and e.name operator(pg_catalog.=) vector_column;
    is_there := sqlembed._has_cluster_column(
        create_clustering.relation, create_clustering.cluster_column, array['pg_catalog.int4'::pg_catalog.regtype]
    );
    -- Fitted first: only what follows keeps others from the table.
    fitted := sqlembed.create_kmeans(
        create_clustering.name,
        sqlembed._clustering_query(create_clustering.relation, vector_column),
        create_clustering.num_clusters, coalesce(create_clustering.metric, declared_metric, 'cosine'),
        seed => create_clustering.seed, choose_by => create_clustering.choose_by
    );
    if not is_there then
        execute pg_catalog.format(
            'alter table %s add column %I integer', create_clustering.relation, create_clustering.cluster_column
        );
    end if;
    insert into sqlembed.clustering (
        name, relation, vector_column, cluster_column, vector_number, cluster_number, numbered_in
    )
    select create_clustering.name, create_clustering.relation, v.attname, n.attname, v.attnum, n.attnum, v.attrelid
    from pg_catalog.pg_attribute as v
    join pg_catalog.pg_attribute as n on n.attrelid operator(pg_catalog.=) v.attrelid
    where v.attrelid operator(pg_catalog.=) create_clustering.relation
        and v.attname operator(pg_catalog.=) vector_column
        and n.attname operator(pg_catalog.=) create_clustering.cluster_column;
    known := sqlembed._clustering_of(create_clustering.name);
    -- Their names sort last, so that they see the vector as other triggers leave it.
    execute pg_catalog.format(
        'create trigger %I before insert on %s for each row when (new.%I is not null)
        execute function sqlembed._keep_cluster(%s)',
        'zzz_sqlembed_cluster_insert_' operator(pg_catalog.||) known.id::pg_catalog.text, create_clustering.relation, vector_column, known.id
    );
    execute pg_catalog.format(
        'create trigger %I before update on %s for each row
        when (not pg_catalog.record_image_eq(row(old.%3$I), row(new.%3$I)))
        execute function sqlembed._keep_cluster(%4$s)',
        'zzz_sqlembed_cluster_update_' operator(pg_catalog.||) known.id::pg_catalog.text, create_clustering.relation, vector_column, known.id
    );
    perform sqlembed._label_rows(known);
    return fitted;
end
$function$;

comment on function sqlembed.create_clustering(regclass, text, name, name, integer, text, integer, text) is
    'Cluster a table by a vector column, and keep each row''s cluster in a column, which is added if it is missing: whenever the vector is written, by a worker or by anybody, the row gets the cluster whose centroid is nearest; without a vector it has none. Where the column is missing, nobody reads the table until it is added and filled: add it before, where that matters. The model has the name of the clustering and serves all functions of models. The other arguments are those of create_kmeans; the metric is by default the declared one, or what comes next to it.';
