create or replace function sqlembed.create_kmeans(
    name text,
    query text,
    num_clusters integer default null,
    metric text default 'cosine',
    max_iterations integer default 20,
    min_rel_progress double precision default 0.01,
    seed integer default 0,
    standardize boolean default true,
    weights double precision[] default null,
    choose_by text default 'silhouette',
    candidates integer[] default null
)
returns sqlembed.fitted_model
language sql
volatile
as $function$
    select sqlembed._make_kmeans(
        create_kmeans.name, create_kmeans.query, create_kmeans.num_clusters, create_kmeans.metric,
        create_kmeans.max_iterations, create_kmeans.min_rel_progress, create_kmeans.seed, create_kmeans.standardize,
        create_kmeans.weights, create_kmeans.choose_by, create_kmeans.candidates
    )
$function$;

comment on function sqlembed.create_kmeans(
    text, text, integer, text, integer, double precision, integer, boolean, double precision[], text, integer[]
) is
    'Fit a k-means model to the rows of a query of an id and a vector, and keep it under a name. metric: cosine (loss: sum of 1 - cos) or euclidean (loss: sum of squared distances). The query may yield numbers after the vector, under euclidean: the vector as a whole and each number are then scaled to a variance of 1 (standardize), and weights, one for the vector and one for each number, say how much their squared distances count; NULL counts as the mean. num_clusters NULL is chosen from candidates, by default from 2 up to 100, on 2000 rows: choose_by silhouette (of squared distances, the highest), davies_bouldin (the lowest), or rows (the root of half their number, no trials). Up to 10000 clusters; of more than 1000, rows go to the nearest that an index finds. It stops after max_iterations, or when further iterations promise less than min_rel_progress of what has been gained so far. Large tables are fitted on a sample of 256 rows a cluster, 10000 at least; sizes, radii and loss are those of all rows. The query is run several times and must give the same rows each time.';
