create or replace function sqlembed.refit_clustering(name text, num_clusters integer default null)
returns sqlembed.fitted_model
language plpgsql
volatile
as $function$
declare
    known sqlembed.clustering := sqlembed._clustering_of(refit_clustering.name);
    present record;
    fitted sqlembed.fitted_model;
begin
    perform sqlembed._check_relation(known.relation);
    select v.attname as vector_column, n.attname as cluster_column, coalesce(g.name, v.attname) as current_column
    into present
    from pg_catalog.pg_attribute as v
    join pg_catalog.pg_attribute as n on n.attrelid operator(pg_catalog.=) v.attrelid
    -- Vectors of another generation are followed for as long as they are there.
    left join sqlembed.embedding as e
        on e.relation operator(pg_catalog.=) known.relation
        and e.name operator(pg_catalog.=) v.attname
    left join sqlembed.embedding as g
        on g.id operator(pg_catalog.=) e.generation_of
        and g.side is null
    where v.attrelid operator(pg_catalog.=) known.relation
        and v.attnum operator(pg_catalog.=) known.vector_number
        and n.attnum operator(pg_catalog.=) known.cluster_number
        and not v.attisdropped
        and not n.attisdropped;
    if present is null then
        raise exception 'sqlembed: a column of clustering % was dropped', pg_catalog.quote_literal(known.name)
            using errcode = 'SE011', hint = pg_catalog.format('To forget it: select sqlembed.drop_clustering(%L).', known.name);
    end if;
    fitted := sqlembed._refit_model(
        known.name, refit_clustering.num_clusters, 20, 0.01,
        sqlembed._clustering_query(known.relation, present.current_column),
        is_comparable => present.current_column operator(pg_catalog.=) present.vector_column
    );
    -- Nobody may write a vector between the new centroids and the labels; readers do not wait.
    execute pg_catalog.format('lock table %s in share row exclusive mode', known.relation);
    if present.current_column operator(pg_catalog.<>) present.vector_column then
        perform sqlembed._detach_clustering(known);
        known := sqlembed._attach_clustering(
            known.name, known.relation, present.current_column, present.cluster_column
        );
    end if;
    perform sqlembed._label_rows(known);
    return fitted;
end
$function$;

comment on function sqlembed.refit_clustering(text, integer) is
    'Fit a clustering anew to the rows as they are now, and write their clusters. Clusters that stayed keep their numbers, as in refit_kmeans. After a generation of vectors was switched it goes by the current one from then on. Writers of the table wait while the clusters are written.';
