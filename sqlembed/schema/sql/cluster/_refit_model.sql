create or replace function sqlembed._refit_model(
    name text,
    num_clusters integer,
    max_iterations integer,
    min_rel_progress double precision
)
returns sqlembed.fitted_model
language plpgsql
volatile
as $function$
declare
    model sqlembed.cluster_model := sqlembed._cluster_model(_refit_model.name);
    query pg_catalog.text := sqlembed._model_query(model);
    previous record;
begin
    select pg_catalog.array_agg(c.centroid_id order by c.centroid_id) as ids,
        pg_catalog.array_agg(c.centroid order by c.centroid_id) as centroids
    into previous
    from sqlembed.cluster_centroid as c
    where c.model operator(pg_catalog.=) model.name;
    update sqlembed.cluster_model as m set is_dropped = true where m.name operator(pg_catalog.=) model.name;
    return sqlembed._make_kmeans(
        model.name, query, coalesce(_refit_model.num_clusters, model.num_clusters), model.metric,
        _refit_model.max_iterations, _refit_model.min_rel_progress, model.seed, model.standardize, model.weights,
        'rows', null, previous.ids, previous.centroids, model.owner
    );
end
$function$;

comment on function sqlembed._refit_model(text, integer, integer, double precision) is
    'What refit_kmeans does.';
