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
    present record;
    known sqlembed.clustering;
    fitted sqlembed.fitted_model;
begin
    perform sqlembed._check_relation(create_clustering.relation);
    vector_column := sqlembed._vector_column(create_clustering.relation, create_clustering.embedding);
    select case when e.metric operator(pg_catalog.=) any ('{euclidean,l1}') then 'euclidean' else 'cosine' end
    into declared_metric
    from sqlembed.embedding as e
    where coalesce(e.side, e.relation) operator(pg_catalog.=) create_clustering.relation
        and e.name operator(pg_catalog.=) vector_column;
    select a.attnum, pg_catalog.format_type(a.atttypid, a.atttypmod) as type, a.attnotnull, a.attgenerated, a.attidentity
    into present
    from pg_catalog.pg_attribute as a
    where a.attrelid operator(pg_catalog.=) create_clustering.relation
        and a.attname operator(pg_catalog.=) create_clustering.cluster_column
        and a.attnum operator(pg_catalog.>) 0
        and not a.attisdropped;
    if present.type operator(pg_catalog.<>) 'integer' or present.attnotnull
        or present.attgenerated operator(pg_catalog.<>) '' or present.attidentity operator(pg_catalog.<>) ''
    then
        raise exception 'sqlembed: column % of % cannot hold a cluster',
            pg_catalog.quote_ident(create_clustering.cluster_column), create_clustering.relation
            using errcode = 'SE011',
                hint = 'It must be a plain integer that may be NULL. Name another, as cluster_column => ''...'': it is added if it is missing.';
    end if;
    -- Fitted first: only what follows keeps others from the table.
    fitted := sqlembed.create_kmeans(
        create_clustering.name,
        pg_catalog.format(
            'select %s, r.%I from %s as r',
            coalesce(
                (select k.expression from sqlembed._key_sql(create_clustering.relation, 'r.') as k), 'r.ctid'
            ),
            vector_column, create_clustering.relation
        ),
        create_clustering.num_clusters, coalesce(create_clustering.metric, declared_metric, 'cosine'),
        seed => create_clustering.seed, choose_by => create_clustering.choose_by
    );
    if present is null then
        execute pg_catalog.format(
            'alter table %s add column %I integer', create_clustering.relation, create_clustering.cluster_column
        );
    end if;
    insert into sqlembed.clustering (name, relation, vector_number, cluster_number)
    select create_clustering.name, create_clustering.relation, v.attnum, n.attnum
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
    'Cluster a table by a vector column, and keep each row''s cluster in a column, which is added if it is missing: whenever the vector is written, by a worker or by anybody, the row gets the cluster whose centroid is nearest; without a vector it has none. The model has the name of the clustering and serves all functions of models. The other arguments are those of create_kmeans; the metric is by default the declared one, or what comes next to it.';
