create or replace function sqlembed._make_kmeans(
    name text,
    query text,
    num_clusters integer,
    metric text,
    max_iterations integer,
    min_rel_progress double precision,
    seed integer,
    standardize boolean,
    weights double precision[],
    choose_by text,
    candidates integer[],
    previous_ids integer[] default '{}',
    previous public.vector[] default '{}',
    owner regrole default null
)
returns sqlembed.fitted_model
language plpgsql
volatile
-- Compiling an expression for each centroid takes longer than evaluating it.
set jit = off
-- Else the sample is sorted on disk, and so are the sums of thousands of clusters.
set work_mem = '64MB'
as $function$
declare
    source record;
    facts record;
    scaling record;
    wanted integer;
    sample_size integer;
    points public.vector[];
    fit record;
    settled record;
    index sqlembed.centroid_index;
    fitted sqlembed.fitted_model;
    state pg_catalog.text;
    problem pg_catalog.text;
    detail pg_catalog.text;
    hint pg_catalog.text;
begin
    perform sqlembed._check_kmeans(
        _make_kmeans.name, _make_kmeans.num_clusters, _make_kmeans.metric, _make_kmeans.max_iterations,
        _make_kmeans.min_rel_progress, _make_kmeans.seed, _make_kmeans.weights, _make_kmeans.choose_by, _make_kmeans.candidates
    );
    source := sqlembed._cluster_rows(_make_kmeans.query);
    if source.num_numbers operator(pg_catalog.>) 0 and _make_kmeans.metric operator(pg_catalog.=) 'cosine' then
        raise exception 'sqlembed: numbers beside a vector have no angle to measure'
            using errcode = 'SE014', hint = 'Say metric => ''euclidean'', or let the query yield an id and a vector alone.';
    end if;
    -- Ahead of the work: who comes second with a name waits here for the first, and then fails at once.
    perform sqlembed._reserve_model(
        _make_kmeans.name, _make_kmeans.query, _make_kmeans.metric, _make_kmeans.seed, _make_kmeans.standardize,
        _make_kmeans.weights, _make_kmeans.owner
    );

    facts := sqlembed._cluster_facts(source.rows, _make_kmeans.metric);
    scaling := sqlembed._number_facts(source.rows, source.num_numbers, _make_kmeans.standardize, _make_kmeans.weights);
    if source.num_numbers operator(pg_catalog.>) 0 then
        facts.rows := sqlembed._features_sql(
            pg_catalog.format('select * from (%s) as r where r.embedding is not null', source.rows),
            facts.dimensions, scaling.embedding_scale, scaling.number_means, scaling.number_scales
        );
        facts.dimensions := facts.dimensions operator(pg_catalog.+) source.num_numbers;
    end if;
    if facts.num_rows operator(pg_catalog.<) _make_kmeans.num_clusters then
        raise exception 'sqlembed: the query has only % vectors for % clusters', facts.num_rows, _make_kmeans.num_clusters
            using errcode = 'SE022',
                hint = pg_catalog.format('Ask for num_clusters => %s at most, or leave it out.', facts.num_rows);
    end if;
    wanted := _make_kmeans.num_clusters;
    if wanted is null and _make_kmeans.choose_by operator(pg_catalog.<>) 'rows' then
        points := sqlembed._kmeans_sample(facts.rows, facts.num_rows, facts.dimensions, 2000, _make_kmeans.seed);
        wanted := sqlembed._choose_num_clusters(
            points, _make_kmeans.metric, _make_kmeans.choose_by,
            coalesce(_make_kmeans.candidates, sqlembed._num_clusters_range(facts.num_rows)), _make_kmeans.seed
        );
    end if;
    wanted := coalesce(wanted, sqlembed._default_num_clusters(facts.num_rows));
    sample_size := sqlembed._kmeans_sample_size(wanted, facts.dimensions);
    if sample_size operator(pg_catalog.<) wanted then
        raise exception 'sqlembed: % centroids of % dimensions are too large', wanted, facts.dimensions
            using errcode = 'SE014', hint = pg_catalog.format('Ask for num_clusters => %s at most.', sample_size);
    end if;
    points := sqlembed._kmeans_sample(facts.rows, facts.num_rows, facts.dimensions, sample_size, _make_kmeans.seed);
    fit := sqlembed._kmeans_fit(
        points, wanted, _make_kmeans.metric, _make_kmeans.max_iterations, _make_kmeans.min_rel_progress, _make_kmeans.seed,
        case
            when pg_catalog.cardinality(_make_kmeans.previous) operator(pg_catalog.=) wanted
                and public.vector_dims(_make_kmeans.previous[1]) operator(pg_catalog.=) facts.dimensions
                then _make_kmeans.previous
        end
    );
    if pg_catalog.cardinality(fit.centroids) operator(pg_catalog.<) wanted
        and pg_catalog.cardinality(points) operator(pg_catalog.<) facts.num_rows
    then
        -- Nearly all rows are the same, and the sample has missed those that are not.
        points := sqlembed._distinct_vectors(facts.rows, sample_size);
        fit := sqlembed._kmeans_fit(
            points, wanted, _make_kmeans.metric, _make_kmeans.max_iterations, _make_kmeans.min_rel_progress, _make_kmeans.seed,
            null
        );
    end if;
    if pg_catalog.cardinality(fit.centroids) operator(pg_catalog.=) 0 then
        raise exception 'sqlembed: the query gave rows at first, and then none'
            using errcode = 'SE022', hint = 'It is run several times and must give the same rows each time.';
    end if;
    if pg_catalog.cardinality(fit.centroids) operator(pg_catalog.<) _make_kmeans.num_clusters then
        raise exception 'sqlembed: the query has only % different vectors for % clusters',
            pg_catalog.cardinality(fit.centroids), _make_kmeans.num_clusters
            using errcode = 'SE022',
                hint = pg_catalog.format(
                    'Ask for num_clusters => %s at most, or leave it out.', pg_catalog.cardinality(fit.centroids)
                );
    end if;
    settled := case
        when pg_catalog.cardinality(points) operator(pg_catalog.<) facts.num_rows then
            -- Fitted on a sample: one more move, to the means of all rows.
            sqlembed._kmeans_settle(
                facts.rows, null, fit.centroids, _make_kmeans.metric, _make_kmeans.seed,
                least(1, _make_kmeans.max_iterations operator(pg_catalog.-) fit.iterations)
            )
        else
            sqlembed._kmeans_settle(null, points, fit.centroids, _make_kmeans.metric, _make_kmeans.seed, 0)
    end;

    index := sqlembed._index_centroids(settled.centroids, _make_kmeans.metric);
    insert into sqlembed.cluster_centroid (model, centroid_id, centroid, cluster_size, cluster_radius, cell)
    select _make_kmeans.name, c.centroid_id, c.centroid, c.cluster_size, c.cluster_radius, coalesce(i.cell, 1)
    from rows from (
        pg_catalog.unnest(
            sqlembed._stayed_ids(
                points, _make_kmeans.metric, settled.centroids, _make_kmeans.previous, _make_kmeans.previous_ids
            )
        ),
        pg_catalog.unnest(settled.centroids), pg_catalog.unnest(settled.cluster_sizes), pg_catalog.unnest(settled.cluster_radii)
    ) with ordinality as c(centroid_id, centroid, cluster_size, cluster_radius, place)
    left join (
        select p.place, l.cell
        from (select pg_catalog.generate_subscripts(index.cells, 1) as cell) as l
        cross join lateral pg_catalog.unnest((index.cells[l.cell]).centroid_ids) as p(place)
    ) as i on i.place operator(pg_catalog.=) c.place;
    fitted := row(
        _make_kmeans.name,
        pg_catalog.cardinality(settled.centroids),
        fit.iterations operator(pg_catalog.+) settled.moves,
        settled.loss
    );
    update sqlembed.cluster_model as m
    set dimensions = facts.dimensions, num_clusters = fitted.num_clusters, iterations = fitted.iterations,
        loss = fitted.loss, embedding_scale = scaling.embedding_scale, number_means = scaling.number_means,
        number_scales = scaling.number_scales, cell_centers = coalesce(index.centers, '{}'),
        -- What an iteration has left is what the next one, on all rows, finds.
        training_loss = fit.training_loss[1:fit.iterations operator(pg_catalog.-) 1]
            operator(pg_catalog.||) array(
                select l.loss operator(pg_catalog./) facts.num_rows
                from pg_catalog.unnest(settled.training_loss) as l(loss)
            ),
        training_rows = fit.training_rows[1:fit.iterations operator(pg_catalog.-) 1]
            operator(pg_catalog.||) pg_catalog.array_fill(
                facts.num_rows, array[pg_catalog.cardinality(settled.training_loss)]
            )
    where m.name operator(pg_catalog.=) _make_kmeans.name;
    return fitted;
exception
    when others or query_canceled then
        get stacked diagnostics
            state = returned_sqlstate, problem = message_text, detail = pg_exception_detail, hint = pg_exception_hint;
        perform sqlembed._raise_briefly(state, problem, detail, hint);
end
$function$;

comment on function sqlembed._make_kmeans(
    text, text, integer, text, integer, double precision, integer, boolean, double precision[], text, integer[], integer[],
    public.vector[], regrole
) is
    'What create_kmeans does. A model that follows another is given its centroids and their numbers, so that clusters that stayed keep theirs, and its owner.';
