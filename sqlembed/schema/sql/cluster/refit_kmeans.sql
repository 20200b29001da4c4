create or replace function sqlembed.refit_kmeans(
    name text,
    num_clusters integer default null,
    max_iterations integer default 20,
    min_rel_progress double precision default 0.01
)
returns sqlembed.fitted_model
language plpgsql
volatile
as $function$
declare
    model sqlembed.cluster_model := sqlembed._cluster_model(refit_kmeans.name);
    previous record;
begin
    select pg_catalog.array_agg(c.centroid_id order by c.centroid_id) as ids,
        pg_catalog.array_agg(c.centroid order by c.centroid_id) as centroids
    into previous
    from sqlembed.cluster_centroid as c
    where c.model operator(pg_catalog.=) model.name;
    perform sqlembed.drop_model(model.name);
    return sqlembed._make_kmeans(
        model.name, model.query, coalesce(refit_kmeans.num_clusters, model.num_clusters), model.metric,
        refit_kmeans.max_iterations, refit_kmeans.min_rel_progress, model.seed, model.standardize, model.weights,
        'rows', null, previous.ids, previous.centroids
    );
end
$function$;

comment on function sqlembed.refit_kmeans(text, integer, integer, double precision) is
    'Fit a model anew to the rows that its query gives now. It starts from where the centroids were, unless a fresh start is better by 3 percent. A cluster keeps the number of the one of before from which more than half of its rows come, the nearest if there are several; others get new numbers.';
