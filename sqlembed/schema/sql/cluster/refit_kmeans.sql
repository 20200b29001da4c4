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
begin
    perform sqlembed._cluster_model(refit_kmeans.name);
    perform sqlembed._refuse_clustering(refit_kmeans.name, 'refit_clustering');
    return sqlembed._refit_model(
        refit_kmeans.name, refit_kmeans.num_clusters, refit_kmeans.max_iterations, refit_kmeans.min_rel_progress
    );
end
$function$;

comment on function sqlembed.refit_kmeans(text, integer, integer, double precision) is
    'Fit a model anew to the rows that its query gives now. It starts from where the centroids were, unless a fresh start is better by 3 percent. A cluster keeps the number of the one of before from which more than half of its rows come, the nearest if there are several; others get new numbers.';
