create or replace function sqlembed.create_kmeans(
    name text,
    query text,
    num_clusters integer default null,
    metric text default 'cosine',
    max_iterations integer default 20,
    min_rel_progress double precision default 0.01,
    seed integer default 0
)
returns sqlembed.fitted_model
language plpgsql
volatile
-- Compiling an expression for each centroid takes longer than evaluating it.
set jit = off
as $function$
declare
    rows pg_catalog.text;
    facts record;
    wanted integer;
    sample_size integer;
    points public.vector[];
    fit record;
    settled record;
    fitted sqlembed.fitted_model;
    state pg_catalog.text;
    problem pg_catalog.text;
    detail pg_catalog.text;
    hint pg_catalog.text;
begin
    perform sqlembed._check_kmeans(
        create_kmeans.name, create_kmeans.num_clusters, create_kmeans.metric, create_kmeans.max_iterations,
        create_kmeans.min_rel_progress, create_kmeans.seed
    );
    rows := sqlembed._cluster_rows(create_kmeans.query);
    -- Ahead of the work: who comes second with a name waits here for the first, and then fails at once.
    perform sqlembed._reserve_model(create_kmeans.name, create_kmeans.query, create_kmeans.metric, create_kmeans.seed);

    facts := sqlembed._cluster_facts(rows, create_kmeans.metric);
    wanted := coalesce(create_kmeans.num_clusters, sqlembed._default_num_clusters(facts.num_rows));
    sample_size := sqlembed._kmeans_sample_size(wanted, facts.dimensions);
    points := sqlembed._kmeans_sample(facts.rows, facts.num_rows, facts.dimensions, sample_size, create_kmeans.seed);
    fit := sqlembed._kmeans_fit(
        points, wanted, create_kmeans.metric, create_kmeans.max_iterations, create_kmeans.min_rel_progress, create_kmeans.seed
    );
    if pg_catalog.cardinality(fit.centroids) operator(pg_catalog.<) wanted
        and pg_catalog.cardinality(points) operator(pg_catalog.<) facts.num_rows
    then
        -- Nearly all rows are the same, and the sample has missed those that are not.
        points := sqlembed._distinct_vectors(facts.rows, sample_size);
        fit := sqlembed._kmeans_fit(
            points, wanted, create_kmeans.metric, create_kmeans.max_iterations, create_kmeans.min_rel_progress, create_kmeans.seed
        );
    end if;
    if pg_catalog.cardinality(fit.centroids) operator(pg_catalog.=) 0 then
        raise exception 'sqlembed: the query gave rows at first, and then none'
            using errcode = 'SE022', hint = 'It is run several times and must give the same rows each time.';
    end if;
    if pg_catalog.cardinality(fit.centroids) operator(pg_catalog.<) create_kmeans.num_clusters then
        raise exception 'sqlembed: the query has only % different vectors for % clusters',
            pg_catalog.cardinality(fit.centroids), create_kmeans.num_clusters
            using errcode = 'SE022',
                hint = pg_catalog.format(
                    'Ask for num_clusters => %s at most, or leave it out.', pg_catalog.cardinality(fit.centroids)
                );
    end if;
    settled := case
        when pg_catalog.cardinality(points) operator(pg_catalog.<) facts.num_rows then
            -- Fitted on a sample: one more move, to the means of all rows.
            sqlembed._kmeans_settle(
                facts.rows, null, fit.centroids, create_kmeans.metric, create_kmeans.seed,
                least(1, create_kmeans.max_iterations operator(pg_catalog.-) fit.iterations)
            )
        else
            sqlembed._kmeans_settle(null, points, fit.centroids, create_kmeans.metric, create_kmeans.seed, 0)
    end;

    insert into sqlembed.cluster_centroid (model, centroid_id, centroid, cluster_size, cluster_radius)
    select create_kmeans.name, c.centroid_id, c.centroid, c.cluster_size, c.cluster_radius
    from rows from (
        pg_catalog.unnest(settled.centroids), pg_catalog.unnest(settled.cluster_sizes), pg_catalog.unnest(settled.cluster_radii)
    ) with ordinality as c(centroid, cluster_size, cluster_radius, centroid_id);
    fitted := row(
        create_kmeans.name,
        pg_catalog.cardinality(settled.centroids),
        fit.iterations operator(pg_catalog.+) settled.moves,
        settled.loss
    );
    update sqlembed.cluster_model as m
    set dimensions = facts.dimensions, num_clusters = fitted.num_clusters, iterations = fitted.iterations,
        loss = fitted.loss
    where m.name operator(pg_catalog.=) create_kmeans.name;
    return fitted;
exception
    when others or query_canceled then
        get stacked diagnostics
            state = returned_sqlstate, problem = message_text, detail = pg_exception_detail, hint = pg_exception_hint;
        perform sqlembed._raise_briefly(state, problem, detail, hint);
end
$function$;

comment on function sqlembed.create_kmeans(text, text, integer, text, integer, double precision, integer) is
    'Fit a k-means model to the rows of a query of an id and a vector, and keep it under a name. num_clusters is by default the root of half the number of rows, from 2 to 100. metric: cosine (loss: sum of 1 - cos) or euclidean (loss: sum of squared distances). It stops after max_iterations, or when further iterations promise less than min_rel_progress of what has been gained so far. Large tables are fitted on a sample of 256 rows a cluster, 10000 at least; sizes, radii and loss are those of all rows. The query is run several times and must give the same rows each time.';
