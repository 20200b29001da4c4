create or replace function sqlembed.refit_clustering(name text, num_clusters integer default null)
returns sqlembed.fitted_model
language plpgsql
volatile
as $function$
declare
    known sqlembed.clustering := sqlembed._clustering_of(refit_clustering.name);
    fitted sqlembed.fitted_model;
begin
    perform sqlembed._check_relation(known.relation);
    fitted := sqlembed._refit_model(known.name, refit_clustering.num_clusters, 20, 0.01);
    -- Nobody may write a vector between the new centroids and the labels; readers do not wait.
    execute pg_catalog.format('lock table %s in share row exclusive mode', known.relation);
    -- Whoever has an older snapshot and writes after this notices.
    update sqlembed.clustering as c set is_dropped = false where c.id operator(pg_catalog.=) known.id;
    perform sqlembed._label_rows(known);
    return fitted;
end
$function$;

comment on function sqlembed.refit_clustering(text, integer) is
    'Fit a clustering anew to the rows as they are now, and write their clusters. Clusters that stayed keep their numbers, as in refit_kmeans. Writers of the table wait while the clusters are written.';
