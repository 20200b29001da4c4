CREATE SCHEMA sqlembed;

COMMENT ON SCHEMA sqlembed IS 'Embeddings kept up to date, searched and clustered in SQL.';

CREATE SCHEMA sqlembed_wire;

COMMENT ON SCHEMA sqlembed_wire IS 'What the role sqlembed_loopback may call, and nothing else.';

CREATE TYPE sqlembed.fitted_model AS (
	name text,
	num_clusters integer,
	iterations integer,
	loss double precision
);

COMMENT ON TYPE sqlembed.fitted_model IS 'What create_kmeans says of the model that it made.';

CREATE FUNCTION sqlembed._answer_requests(worker integer, ids bigint[], counts integer[], errors text[], fingerprint text, kind text, hashes bytea[], vectors public.vector[]) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._answer_requests(worker integer, ids bigint[], counts integer[], errors text[], fingerprint text, kind text, hashes bytea[], vectors public.vector[]) IS 'Store the answers to requests: for each so many of the vectors, one after the other, or an error. The vectors go into the cache too. Returns the epoch that begins; after the commit the worker calls _leave_epoch.';

CREATE FUNCTION sqlembed._ask(embedder text, key bytea, kind text, inputs text[]) RETURNS public.vector[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL RESTRICTED
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._ask(embedder text, key bytea, kind text, inputs text[]) IS 'Vectors from the cache, and for what is not there from a worker, through a second connection to this database. The key is proof that the caller may use the embedder.';

CREATE FUNCTION sqlembed._assigned_sql(name text, rows text, with_distances boolean) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._assigned_sql(name text, rows text, with_distances boolean) IS 'SQL that adds to rows (id, embedding) the number of the nearest centroid of a model and the distance to it, which under cosine is right only when asked for.';

CREATE TABLE sqlembed.embedding (
    id integer NOT NULL,
    relation regclass NOT NULL,
    name name NOT NULL,
    embedder text NOT NULL,
    source text NOT NULL,
    declared_source text NOT NULL,
    timing text NOT NULL,
    on_change text NOT NULL,
    metric text NOT NULL,
    storage text NOT NULL,
    index text NOT NULL,
    index_name name,
    place text NOT NULL,
    chunking jsonb,
    dimensions integer NOT NULL,
    key_columns name[] NOT NULL,
    key_types regtype[] NOT NULL,
    key_expression text NOT NULL,
    source_columns name[] NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT embedding_index_check CHECK ((index = ANY (ARRAY['hnsw'::text, 'ivfflat'::text, 'none'::text]))),
    CONSTRAINT embedding_metric_check CHECK ((metric = ANY (ARRAY['cosine'::text, 'euclidean'::text, 'inner_product'::text, 'l1'::text]))),
    CONSTRAINT embedding_on_change_check CHECK ((on_change = ANY (ARRAY['hide'::text, 'keep'::text]))),
    CONSTRAINT embedding_place_check CHECK ((place = ANY (ARRAY['row'::text, 'side'::text]))),
    CONSTRAINT embedding_storage_check CHECK ((storage = ANY (ARRAY['vector'::text, 'halfvec'::text]))),
    CONSTRAINT embedding_timing_check CHECK ((timing = ANY (ARRAY['async'::text, 'sync'::text])))
);

COMMENT ON TABLE sqlembed.embedding IS 'Vector columns that are kept up to date.';

COMMENT ON COLUMN sqlembed.embedding.id IS 'Number used by change, job and failed_job.';

COMMENT ON COLUMN sqlembed.embedding.relation IS 'The table whose rows are embedded.';

COMMENT ON COLUMN sqlembed.embedding.name IS 'The vector column.';

COMMENT ON COLUMN sqlembed.embedding.embedder IS 'The embedder that makes the vectors.';

COMMENT ON COLUMN sqlembed.embedding.source IS 'The SQL expression over a row that is embedded, every name in it qualified.';

COMMENT ON COLUMN sqlembed.embedding.declared_source IS 'The same expression as it was declared.';

COMMENT ON COLUMN sqlembed.embedding.timing IS 'async: after commit, by a worker; sync: inside the writing transaction.';

COMMENT ON COLUMN sqlembed.embedding.on_change IS 'hide: the vector is null until the new one is there; keep: the old one stays meanwhile.';

COMMENT ON COLUMN sqlembed.embedding.metric IS 'Distance that searches use: cosine, euclidean, inner_product or l1.';

COMMENT ON COLUMN sqlembed.embedding.storage IS 'Type of the column: vector or halfvec.';

COMMENT ON COLUMN sqlembed.embedding.index IS 'Kind of index: hnsw, ivfflat or none.';

COMMENT ON COLUMN sqlembed.embedding.index_name IS 'The index that create_embedding built; null if it built none.';

COMMENT ON COLUMN sqlembed.embedding.place IS 'row: the vector stands in the row itself; side: in a table beside it.';

COMMENT ON COLUMN sqlembed.embedding.chunking IS 'How long texts are cut; null: not at all.';

COMMENT ON COLUMN sqlembed.embedding.dimensions IS 'Length of the vectors.';

COMMENT ON COLUMN sqlembed.embedding.key_columns IS 'Columns of the primary key, in its order.';

COMMENT ON COLUMN sqlembed.embedding.key_types IS 'Types of these columns when it was declared.';

COMMENT ON COLUMN sqlembed.embedding.key_expression IS 'SQL that makes the key of row r: a jsonb array.';

COMMENT ON COLUMN sqlembed.embedding.source_columns IS 'Columns that the source uses.';

COMMENT ON COLUMN sqlembed.embedding.created_at IS 'When the embedding was declared.';

CREATE FUNCTION sqlembed._attach_triggers(declared sqlembed.embedding) RETURNS void
    LANGUAGE plpgsql;

COMMENT ON FUNCTION sqlembed._attach_triggers(declared sqlembed.embedding) IS 'Put the triggers of an embedding on its table.';

CREATE FUNCTION sqlembed._attempt(source anyelement, query public.vector, k integer, relation regclass, filter text, statement text, exact_statement text) RETURNS TABLE(base anyelement, distance double precision, key jsonb, place tid, attempt integer)
    LANGUAGE plpgsql STABLE ROWS 10;

COMMENT ON FUNCTION sqlembed._attempt(source anyelement, query public.vector, k integer, relation regclass, filter text, statement text, exact_statement text) IS 'Rows that a vector index finds as attempt 1, and where those are fewer than k, the rows found without it as attempt 2. The filter runs with the rights and the search_path of the caller.';

CREATE FUNCTION sqlembed._blank(input text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION sqlembed._blank(input text) IS 'Whether a text is NULL, empty or only white space: such a text gets no vector.';

CREATE FUNCTION sqlembed._build_index(declared sqlembed.embedding) RETURNS void
    LANGUAGE plpgsql;

COMMENT ON FUNCTION sqlembed._build_index(declared sqlembed.embedding) IS 'Build the index of an embedding, unless an equal one is there.';

CREATE FUNCTION sqlembed._cached(embedder text, kind text, inputs text[]) RETURNS public.vector[]
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._cached(embedder text, kind text, inputs text[]) IS 'Vectors that were computed before, in the order of the texts; NULL where there is none.';

CREATE FUNCTION sqlembed._canonical_source(relation regclass, source text, OUT expression text, OUT columns name[]) RETURNS record
    LANGUAGE plpgsql;

COMMENT ON FUNCTION sqlembed._canonical_source(relation regclass, source text, OUT expression text, OUT columns name[]) IS 'The source expression as PostgreSQL itself writes it, every name qualified, and the columns it uses. It runs with the rights and the search_path of the caller.';

CREATE FUNCTION sqlembed._check_choice(argument text, given text, choices text[], planned text[] DEFAULT '{}'::text[]) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._check_choice(argument text, given text, choices text[], planned text[]) IS 'An error that names the choices when an argument is none of them.';

CREATE FUNCTION sqlembed._check_cluster_facts(num_rows bigint, num_vectors bigint, dimensions integer, most_dimensions integer, greatest_square double precision, num_directions bigint) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._check_cluster_facts(num_rows bigint, num_vectors bigint, dimensions integer, most_dimensions integer, greatest_square double precision, num_directions bigint) IS 'An error when the rows of a query cannot be clustered. num_directions, vectors that are not all zeros, is NULL where zeros do not matter.';

CREATE FUNCTION sqlembed._check_declaration() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._check_declaration() IS 'Row trigger of embedding: whoever declares one must own the table and may use the embedder, and what belongs to the key is never taken from the user.';

CREATE FUNCTION sqlembed._check_dimensions(name text, dimensions integer) RETURNS void
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._check_dimensions(name text, dimensions integer) IS 'An error when there is no such cluster model, or when it is for vectors of other dimensions.';

CREATE FUNCTION sqlembed._check_family(relation regclass) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._check_family(relation regclass) IS 'An error when rows of a table may be written through another one, whose statements its triggers do not see.';

CREATE FUNCTION sqlembed._check_kmeans(name text, num_clusters integer, metric text, max_iterations integer, min_rel_progress double precision, seed integer) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._check_kmeans(name text, num_clusters integer, metric text, max_iterations integer, min_rel_progress double precision, seed integer) IS 'An error when an argument of create_kmeans is not possible.';

CREATE FUNCTION sqlembed._check_no_generated(relation regclass, columns name[]) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._check_no_generated(relation regclass, columns name[]) IS 'An error when one of the columns is generated.';

CREATE FUNCTION sqlembed._check_relation(relation regclass) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._check_relation(relation regclass) IS 'An error when a relation cannot have embeddings, or is not the caller''s.';

CREATE FUNCTION sqlembed._choose_worker(embedder text) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._choose_worker(embedder text) IS 'A living worker that serves the embedder, any of them; an error that says how to start one where there is none.';

CREATE FUNCTION sqlembed._claim_jobs(worker integer, embedders text[], most integer[], without integer[], lease interval) RETURNS TABLE(embedding integer, key jsonb, version bigint)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._claim_jobs(worker integer, embedders text[], most integer[], without integer[], lease interval) IS 'Lease due jobs of one embedding to a worker, at most as many as it takes of its embedder, and not of those it leaves alone.';

CREATE FUNCTION sqlembed._cluster_facts(INOUT rows text, metric text, OUT num_rows bigint, OUT dimensions integer) RETURNS record
    LANGUAGE plpgsql;

COMMENT ON FUNCTION sqlembed._cluster_facts(INOUT rows text, metric text, OUT num_rows bigint, OUT dimensions integer) IS 'How many rows (id, embedding) can be clustered and the dimensions of their vectors, and SQL that gives these rows; under cosine as unit vectors, without those of zeros, which have no direction.';

CREATE TABLE sqlembed.cluster_model (
    name text NOT NULL,
    query text NOT NULL,
    metric text NOT NULL,
    dimensions integer NOT NULL,
    num_clusters integer NOT NULL,
    iterations integer NOT NULL,
    loss double precision NOT NULL,
    seed integer NOT NULL,
    owner regrole DEFAULT (CURRENT_USER)::regrole NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT cluster_model_metric_check CHECK ((metric = ANY (ARRAY['cosine'::text, 'euclidean'::text]))),
    CONSTRAINT cluster_model_name_check CHECK ((name <> ''::text))
);

COMMENT ON TABLE sqlembed.cluster_model IS 'k-means models kept under a name.';

COMMENT ON COLUMN sqlembed.cluster_model.name IS 'Name of the model.';

COMMENT ON COLUMN sqlembed.cluster_model.query IS 'The query it was fitted on.';

COMMENT ON COLUMN sqlembed.cluster_model.metric IS 'cosine or euclidean.';

COMMENT ON COLUMN sqlembed.cluster_model.dimensions IS 'Length of the vectors.';

COMMENT ON COLUMN sqlembed.cluster_model.num_clusters IS 'Number of centroids.';

COMMENT ON COLUMN sqlembed.cluster_model.iterations IS 'Iterations until it stopped.';

COMMENT ON COLUMN sqlembed.cluster_model.loss IS 'Over all rows, the distances to their centroids summed up: 1 - cos under cosine, squared under euclidean.';

COMMENT ON COLUMN sqlembed.cluster_model.seed IS 'Seed of the random choices.';

COMMENT ON COLUMN sqlembed.cluster_model.owner IS 'The role that made it; its members may use it.';

COMMENT ON COLUMN sqlembed.cluster_model.created_at IS 'When it was fitted.';

CREATE FUNCTION sqlembed._cluster_model(name text) RETURNS sqlembed.cluster_model
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._cluster_model(name text) IS 'The model of that name, or an error that names those the caller may use.';

CREATE FUNCTION sqlembed._cluster_rows(query text) RETURNS text
    LANGUAGE plpgsql STABLE;

COMMENT ON FUNCTION sqlembed._cluster_rows(query text) IS 'SQL that gives the rows of a query of an id and a vector as (id text, embedding vector), or an error that says what the query must be. It is planned, not run.';

CREATE FUNCTION sqlembed._configure_loopback(password text DEFAULT NULL::text, way_in text DEFAULT NULL::text) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._configure_loopback(password text, way_in text) IS 'Lead the loopback to this database and find a way to log in; without a password it keeps the present one, or makes one. False when no way is open, or when the password is new: call it again after the commit. way_in: a host to try where the server''s sockets may not be known.';

CREATE FUNCTION sqlembed._count_rows(relation regclass, name name, source text, OUT total bigint, OUT embedded bigint, OUT blank bigint) RETURNS record
    LANGUAGE plpgsql STABLE;

COMMENT ON FUNCTION sqlembed._count_rows(relation regclass, name name, source text, OUT total bigint, OUT embedded bigint, OUT blank bigint) IS 'Rows of an embedded table: all, those with a vector, and those with nothing to embed. NULL where counting would run code of another role: blank rows of somebody else''s table, and all of it under row level security. Blank rows are NULL too where the expression fails.';

CREATE FUNCTION sqlembed._default_num_clusters(num_rows bigint) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._default_num_clusters(num_rows bigint) IS 'A number of clusters that people can look through: the root of half the number of rows, from 2 to 100.';

CREATE FUNCTION sqlembed._drop_note_function(embedding integer) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._drop_note_function(embedding integer) IS 'Remove the trigger function of an embedding that is no more, once no trigger calls it. Harmless in anybody''s hands.';

CREATE FUNCTION sqlembed._embedding_of(relation regclass, name name DEFAULT NULL::name) RETURNS sqlembed.embedding
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._embedding_of(relation regclass, name name) IS 'The declared embedding of a table; without a name, its only one.';

CREATE FUNCTION sqlembed._epoch_key(worker integer, epoch integer) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._epoch_key(worker integer, epoch integer) IS 'Second key of the lock that a worker holds until its next answers are there. Two workers that share one wake each other''s callers too early, which costs them another look.';

CREATE FUNCTION sqlembed._explain_dimensions(name text, state text, problem text) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._explain_dimensions(name text, state text, problem text) IS 'An error in the words of a cluster model when pgvector refused to compare a row with its centroids; else nothing.';

CREATE FUNCTION sqlembed._explain_failure(state text, problem text, pg_hint text, relation regclass, filter text, dimensions integer) RETURNS void
    LANGUAGE plpgsql STABLE;

COMMENT ON FUNCTION sqlembed._explain_failure(state text, problem text, pg_hint text, relation regclass, filter text, dimensions integer) IS 'Raise the error of a search again, in words, where the vectors or the filter are to blame for it; otherwise nothing.';

CREATE FUNCTION sqlembed._fail_jobs(worker integer, embedding integer, keys jsonb[], versions bigint[], errors text[], max_attempts integer) RETURNS bigint
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._fail_jobs(worker integer, embedding integer, keys jsonb[], versions bigint[], errors text[], max_attempts integer) IS 'Charge rows with a failed attempt each; after the last one a row is given up. Returns how many were.';

CREATE FUNCTION sqlembed._finish_jobs(worker integer, embedding integer, keys jsonb[], versions bigint[]) RETURNS void
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._finish_jobs(worker integer, embedding integer, keys jsonb[], versions bigint[]) IS 'Remove jobs that are done, but for those that a later change has raised.';

CREATE FUNCTION sqlembed._fold_changes(most integer) RETURNS bigint
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._fold_changes(most integer) IS 'Turn the oldest changes into jobs, one a row and embedding. Returns how many changes it took.';

CREATE FUNCTION sqlembed._follow_keys() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET lock_timeout TO '200ms';

COMMENT ON FUNCTION sqlembed._follow_keys() IS 'Follow primary keys whose columns were renamed or changed their types.';

CREATE FUNCTION sqlembed._grantee(name text) RETURNS regrole
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._grantee(name text) IS 'The role of that name; 0 for public.';

CREATE FUNCTION sqlembed._hide_vector() RETURNS trigger
    LANGUAGE plpgsql;

COMMENT ON FUNCTION sqlembed._hide_vector() IS 'Row trigger of on_change => ''hide'': the source has changed, so the vector of the old one goes.';

CREATE FUNCTION sqlembed._is_alive(worker integer) RETURNS boolean
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._is_alive(worker integer) IS 'Whether a worker still holds its presence lock.';

CREATE FUNCTION sqlembed._is_dblink_shared() RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._is_dblink_shared() IS 'Whether others than the current role and superusers can reach dblink, and with it every connection of their session.';

CREATE FUNCTION sqlembed._is_loopback_shared() RETURNS boolean
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._is_loopback_shared() IS 'Whether other databases of the cluster may know the present password of the loopback''s role.';

CREATE FUNCTION sqlembed._is_waiting(relation regclass, since timestamp with time zone) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._is_waiting(relation regclass, since timestamp with time zone) IS 'Whether a row of a table waits that was written by then: cheaper than to count them.';

CREATE FUNCTION sqlembed._key_sql(relation regclass, prefix text DEFAULT 'r.'::text, OUT columns name[], OUT expression text, OUT match text) RETURNS record
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._key_sql(relation regclass, prefix text, OUT columns name[], OUT expression text, OUT match text) IS 'The primary key of a table: its columns, SQL that makes the jsonb key of row r (or of columns with another prefix), and the condition that row r has the key k.key. No row without a primary key.';

CREATE FUNCTION sqlembed._key_text(value anyelement) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET "TimeZone" TO 'UTC'
    SET "DateStyle" TO 'ISO'
    SET "IntervalStyle" TO 'postgres'
    SET bytea_output TO 'hex'
    SET extra_float_digits TO '1';

COMMENT ON FUNCTION sqlembed._key_text(value anyelement) IS 'A value of a key as text, the same in every session.';

CREATE FUNCTION sqlembed._kmeans_fit(points public.vector[], INOUT centroids public.vector[], metric text, max_iterations integer, min_rel_progress double precision, seed integer, OUT iterations integer) RETURNS record
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._kmeans_fit(points public.vector[], INOUT centroids public.vector[], metric text, max_iterations integer, min_rel_progress double precision, seed integer, OUT iterations integer) IS 'Moves centroids to the means of the points nearest to them, again and again, until all further moves together promise to lower the loss by less than min_rel_progress of it, or of what clusters have taken off it if that is less. Under cosine the points are unit vectors.';

CREATE FUNCTION sqlembed._kmeans_refill(rows text, points public.vector[], centroids public.vector[], means public.vector[], metric text, seed integer) RETURNS public.vector[]
    LANGUAGE plpgsql;

COMMENT ON FUNCTION sqlembed._kmeans_refill(rows text, points public.vector[], centroids public.vector[], means public.vector[], metric text, seed integer) IS 'The means with vectors of the rows (id, embedding), or of the points when rows is NULL, in place of those that are NULL; drawn as k-means++ draws: with the squared distance to the nearest centroid as weight.';

CREATE FUNCTION sqlembed._kmeans_sample(rows text, num_rows bigint, dimensions integer, sample_size integer, seed integer) RETURNS public.vector[]
    LANGUAGE plpgsql
    SET work_mem TO '64MB';

COMMENT ON FUNCTION sqlembed._kmeans_sample(rows text, num_rows bigint, dimensions integer, sample_size integer, seed integer) IS 'Vectors of a random choice of about sample_size of the rows (id, embedding), or of all if there are no more, in random order. Hashes of the rows and the seed decide both, so where the rows happen to lie does not matter.';

CREATE FUNCTION sqlembed._kmeans_sample_size(num_clusters integer, dimensions integer) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._kmeans_sample_size(num_clusters integer, dimensions integer) IS 'How many rows a model is fitted on; where there are more, on a sample.';

CREATE FUNCTION sqlembed._kmeans_seed(points public.vector[], num_clusters integer, metric text, seed integer) RETURNS public.vector[]
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._kmeans_seed(points public.vector[], num_clusters integer, metric text, seed integer) IS 'First centroids by greedy k-means++: each is the best of several points drawn with the squared distance to those chosen before as weight; the first point is chosen first. Fewer than num_clusters when there are not so many different points. Under cosine the points are unit vectors.';

CREATE FUNCTION sqlembed._kmeans_settle(rows text, points public.vector[], INOUT centroids public.vector[], metric text, seed integer, INOUT moves integer, OUT cluster_sizes bigint[], OUT cluster_radii double precision[], OUT loss double precision) RETURNS record
    LANGUAGE plpgsql;

COMMENT ON FUNCTION sqlembed._kmeans_settle(rows text, points public.vector[], INOUT centroids public.vector[], metric text, seed integer, INOUT moves integer, OUT cluster_sizes bigint[], OUT cluster_radii double precision[], OUT loss double precision) IS 'Moves centroids to the means of their rows (id, embedding), or points when rows is NULL, so many times, and further while a cluster is empty; then measures the clusters: their rows, the root of their mean squared distance, and the loss.';

CREATE FUNCTION sqlembed._kmeans_start(rows text, num_rows bigint, dimensions integer, num_clusters integer, metric text, seed integer, OUT points public.vector[], OUT centroids public.vector[]) RETURNS record
    LANGUAGE plpgsql;

COMMENT ON FUNCTION sqlembed._kmeans_start(rows text, num_rows bigint, dimensions integer, num_clusters integer, metric text, seed integer, OUT points public.vector[], OUT centroids public.vector[]) IS 'A sample of the rows (id, embedding), and the first centroids; fewer than num_clusters when there are not so many different vectors.';

CREATE FUNCTION sqlembed._kmeans_step(rows text, points public.vector[], centroids public.vector[], metric text) RETURNS TABLE(centroid_id integer, mean public.vector, cluster_size bigint, sum_distance double precision, sum_squared_distance double precision)
    LANGUAGE plpgsql;

COMMENT ON FUNCTION sqlembed._kmeans_step(rows text, points public.vector[], centroids public.vector[], metric text) IS 'Gives each of the rows (id, embedding), or of the points when rows is NULL, to its nearest centroid and returns, for each centroid in order, the mean of its rows (a unit vector under cosine; NULL if there is none), their number, and sums of their distances to the centroid.';

CREATE FUNCTION sqlembed._leave_epoch(worker integer, next integer) RETURNS void
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._leave_epoch(worker integer, next integer) IS 'Let go of the lock that callers wait for, once the answers are committed.';

CREATE FUNCTION sqlembed._lock(what text) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._lock(what text) IS 'First key of our advisory locks. presence: (this, worker) is held while the worker lives; idle: (this, 0) while one waits for its bell; epoch: (this, _epoch_key) until the next answers are there.';

CREATE FUNCTION sqlembed._make_note_function(embedding integer) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._make_note_function(embedding integer) IS 'Make the function that the statement triggers of an embedding call, out of the catalogue and the present primary key. Harmless in anybody''s hands: it makes the same function again.';

CREATE FUNCTION sqlembed._metric_operator(metric text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._metric_operator(metric text) IS 'The operator of a metric, qualified, as SQL text.';

CREATE FUNCTION sqlembed._nearest(source anyelement, query public.vector, k integer, relation regclass, filter text, statement text, exact_statement text) RETURNS TABLE(base anyelement, distance double precision, key jsonb)
    LANGUAGE sql STABLE ROWS 10;

COMMENT ON FUNCTION sqlembed._nearest(source anyelement, query public.vector, k integer, relation regclass, filter text, statement text, exact_statement text) IS 'The k rows nearest to a vector, nearest first, equal distances in the order of their keys.';

CREATE FUNCTION sqlembed._nearest_sql(rows text, metric text, centroids public.vector[]) RETURNS text
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._nearest_sql(rows text, metric text, centroids public.vector[]) IS 'SQL that adds to rows (id, embedding) the number of the nearest centroid and the distance to it; the distance under cosine is right for unit vectors. Both are NULL for NULL, the number also for a vector without direction.';

CREATE FUNCTION sqlembed._next_epoch(worker integer) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._next_epoch(worker integer) IS 'Open a worker''s next epoch, in the transaction that stores answers. After its commit the worker calls _leave_epoch. NULL when it could not: then callers find their answer at their next look.';

CREATE FUNCTION sqlembed._open_loopback() RETURNS text
    LANGUAGE plpgsql PARALLEL RESTRICTED
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._open_loopback() IS 'What to give dblink to reach this session''s own database: the name of a living connection, or of the server where a connection that stays is not safe.';

CREATE FUNCTION sqlembed._pending(relation regclass, OUT rows bigint, OUT served boolean) RETURNS record
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._pending(relation regclass, OUT rows bigint, OUT served boolean) IS 'How many rows of a table wait, and whether living workers serve all of them.';

CREATE FUNCTION sqlembed._plan_search(function_name text, source anyelement, k integer, name name, filter text, mode text, metric text, OUT relation regclass, OUT embedder text, OUT statement text, OUT exact_statement text) RETURNS record
    LANGUAGE plpgsql STABLE
    SET plan_cache_mode TO 'force_generic_plan';

COMMENT ON FUNCTION sqlembed._plan_search(function_name text, source anyelement, k integer, name name, filter text, mode text, metric text, OUT relation regclass, OUT embedder text, OUT statement text, OUT exact_statement text) IS 'Check the arguments of a search, find its table and vector column, and make its statements for the query vector $1 and k $2: one that may use a vector index, unless it is to be exact, and one that does not.';

CREATE FUNCTION sqlembed._prepare_column(relation regclass, name name, embedder text, storage text, index text) RETURNS integer
    LANGUAGE plpgsql;

COMMENT ON FUNCTION sqlembed._prepare_column(relation regclass, name name, embedder text, storage text, index text) IS 'Add the vector column, or check that the present one fits the embedder. Returns the dimensions.';

CREATE FUNCTION sqlembed._probe_loopback() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._probe_loopback() IS 'Log in through the loopback once, as embed() does; the error says why it cannot.';

CREATE FUNCTION sqlembed._raise_briefly(state text, problem text, detail text, hint text) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._raise_briefly(state text, problem text, detail text, hint text) IS 'Raise an error anew without where it happened: statements that hold all centroids would fill clients and logs.';

CREATE FUNCTION sqlembed._read_cache(fingerprint text, kind text, hashes bytea[]) RETURNS TABLE(input_hash bytea, embedding public.vector)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._read_cache(fingerprint text, kind text, hashes bytea[]) IS 'Vectors already computed, by the sha256 of their texts.';

CREATE FUNCTION sqlembed._read_sources(embedding integer, keys jsonb[], budget bigint) RETURNS TABLE(key jsonb, input text, is_blank boolean, postponed boolean)
    LANGUAGE plpgsql STABLE
    SET lock_timeout TO '200ms';

COMMENT ON FUNCTION sqlembed._read_sources(embedding integer, keys jsonb[], budget bigint) IS 'The text to embed of each row that is still there. Beyond a budget of bytes rows are postponed: a worker''s memory is not the table''s size.';

CREATE FUNCTION sqlembed._refuse_arguments(k integer, filter text, mode text) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._refuse_arguments(k integer, filter text, mode text) IS 'The error for arguments that no search can have.';

CREATE FUNCTION sqlembed._refuse_relation(function_name text, given text) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._refuse_relation(function_name text, given text) IS 'An error that shows how a table is given to a search.';

CREATE FUNCTION sqlembed._refuse_undeclared(relation regclass, name name) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._refuse_undeclared(relation regclass, name name) IS 'The error for a text search in something without the one embedding that was meant.';

CREATE FUNCTION sqlembed._refused_commit() RETURNS text
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._refused_commit() IS 'What PostgreSQL says to a COMMIT inside a transaction of the caller''s, in the language of the session: nothing else tells it from one inside an exception block.';

CREATE FUNCTION sqlembed._register_name(name text, dimensions integer) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._register_name(name text, dimensions integer) IS 'Make an embedder known before a worker serves it: the first worker fills in the fingerprint. Not for everybody: a name taken with other dimensions keeps its worker from starting.';

CREATE FUNCTION sqlembed._release_jobs(worker integer, embedding integer, keys jsonb[], delay interval, error text DEFAULT NULL::text) RETURNS void
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._release_jobs(worker integer, embedding integer, keys jsonb[], delay interval, error text) IS 'Give jobs back, to be tried again after a delay: no row is charged.';

CREATE FUNCTION sqlembed._renew_leases(worker integer, embedding integer, keys jsonb[], lease interval) RETURNS void
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._renew_leases(worker integer, embedding integer, keys jsonb[], lease interval) IS 'Keep the jobs that a worker has in hand from being leased to another.';

CREATE FUNCTION sqlembed._request_timeout() RETURNS interval
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._request_timeout() IS 'How long a statement waits for a worker: the setting sqlembed.request_timeout, else 10 s.';

CREATE FUNCTION sqlembed._reserve_model(name text, query text, metric text, dimensions integer, seed integer) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._reserve_model(name text, query text, metric text, dimensions integer, seed integer) IS 'Enter a model that is still to be fitted, or an error when its name is taken; waits for another session that is fitting one of this name.';

CREATE FUNCTION sqlembed._row_source(relation regclass, expression text, row_name text) RETURNS text
    LANGUAGE plpgsql;

COMMENT ON FUNCTION sqlembed._row_source(relation regclass, expression text, row_name text) IS 'A canonical source expression with its columns prefixed by the name of a row: new or old.';

CREATE FUNCTION sqlembed._search_statement(relation_name name, relation text, row_type text, relation_kind "char", vector_column name, key_columns text, distance text, filter text, attempt integer) RETURNS text
    LANGUAGE sql STABLE;

COMMENT ON FUNCTION sqlembed._search_statement(relation_name name, relation text, row_type text, relation_kind "char", vector_column name, key_columns text, distance text, filter text, attempt integer) IS 'A statement that finds the nearest rows: row, distance, key, place of rows without a primary key, and number of the attempt. The second attempt uses no vector index.';

CREATE FUNCTION sqlembed._sees_all_rows(relation regclass) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._sees_all_rows(relation regclass) IS 'Whether the caller may see every row of a table: no policy keeps any back.';

CREATE FUNCTION sqlembed._start_worker(name text, embedders text[]) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._start_worker(name text, embedders text[]) IS 'Sign a worker in: its row, its presence lock and the lock of its first epoch. Rows of dead workers go.';

CREATE FUNCTION sqlembed._stop_worker(worker integer) RETURNS void
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._stop_worker(worker integer) IS 'Sign a worker out and give back the jobs it has in hand.';

CREATE FUNCTION sqlembed._sweep(cache_rows bigint) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._sweep(cache_rows bigint) IS 'Housekeeping: old requests, the oldest of the cache beyond a number of rows, leases of dead workers, embeddings whose table or column was dropped, and what belongs to embeddings that are no more.';

CREATE FUNCTION sqlembed._take_requests(worker integer, most integer) RETURNS TABLE(id bigint, embedder text, kind text, inputs text[])
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._take_requests(worker integer, most integer) IS 'Requests that wait for a worker; those nobody asks for any more are dropped.';

CREATE FUNCTION sqlembed._ticket(embedder text, kind text, inputs text[]) RETURNS bytea
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._ticket(embedder text, kind text, inputs text[]) IS 'Proof, for these texts alone, that embed() has checked the caller''s right to embed; NULL for an unknown embedder.';

CREATE FUNCTION sqlembed._uniform(key text, seed bigint) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION sqlembed._uniform(key text, seed bigint) IS 'A number between 0 and 1, both excluded, that looks random and is the same for the same key and seed.';

CREATE FUNCTION sqlembed._unsteady_part(tree text) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._unsteady_part(tree text) IS 'What, in the parsed tree of an expression, gives another result the next time; NULL when there is no such thing.';

CREATE FUNCTION sqlembed._vector_column(relation regclass, name name) RETURNS name
    LANGUAGE plpgsql STABLE;

COMMENT ON FUNCTION sqlembed._vector_column(relation regclass, name name) IS 'A vector column of a relation, by name or the only one.';

CREATE FUNCTION sqlembed._view_definition(view oid) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog';

COMMENT ON FUNCTION sqlembed._view_definition(view oid) IS 'A view''s query with every name qualified that is not in pg_catalog.';

CREATE FUNCTION sqlembed._write_cache(fingerprint text, kind text, hashes bytea[], vectors public.vector[]) RETURNS void
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed._write_cache(fingerprint text, kind text, hashes bytea[], vectors public.vector[]) IS 'Keep vectors for the next time the same texts are asked for.';

CREATE FUNCTION sqlembed._write_vectors(embedding integer, keys jsonb[], hashes bytea[], vectors public.vector[]) RETURNS SETOF jsonb
    LANGUAGE plpgsql
    SET lock_timeout TO '200ms';

COMMENT ON FUNCTION sqlembed._write_vectors(embedding integer, keys jsonb[], hashes bytea[], vectors public.vector[]) IS 'Write vectors to the rows whose text still has the given sha256 (NULL for no text). There may be fewer vectors than rows: the rest get none. Returns the keys of the rows that are up to date; the others have changed, are locked or gone.';

CREATE FUNCTION sqlembed.assign(name text, query text) RETURNS TABLE(id text, centroid_id integer)
    LANGUAGE plpgsql STABLE
    SET jit TO 'off';

COMMENT ON FUNCTION sqlembed.assign(name text, query text) IS 'The cluster of each row of a query of an id and a vector, as predict says it, for many rows at once: many times as fast.';

CREATE FUNCTION sqlembed.centroids(name text) RETURNS TABLE(centroid_id integer, centroid public.vector, cluster_size bigint, cluster_radius double precision)
    LANGUAGE plpgsql STABLE ROWS 20 PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed.centroids(name text) IS 'The clusters of a model: number, centroid (the mean of its rows, under cosine their mean direction), rows when it was fitted, and the root of their mean squared distance to the centroid.';

CREATE FUNCTION sqlembed.cluster_examples(name text, query text, examples integer DEFAULT 3) RETURNS TABLE(centroid_id integer, id text, distance double precision)
    LANGUAGE plpgsql STABLE
    SET jit TO 'off';

COMMENT ON FUNCTION sqlembed.cluster_examples(name text, query text, examples integer) IS 'Of the rows of a query of an id and a vector, those nearest to each centroid of a model: what the cluster is about. The id may be any expression, such as a title.';

CREATE FUNCTION sqlembed.create_embedding(relation regclass, embedder text, source text, embedding name DEFAULT 'embedding'::name, timing text DEFAULT 'async'::text, on_change text DEFAULT 'hide'::text, metric text DEFAULT 'cosine'::text, storage text DEFAULT 'vector'::text, index text DEFAULT 'hnsw'::text, place text DEFAULT 'row'::text, chunking jsonb DEFAULT NULL::jsonb, adopt text DEFAULT 'keep'::text, if_not_exists boolean DEFAULT false) RETURNS bigint
    LANGUAGE plpgsql;

COMMENT ON FUNCTION sqlembed.create_embedding(relation regclass, embedder text, source text, embedding name, timing text, on_change text, metric text, storage text, index text, place text, chunking jsonb, adopt text, if_not_exists boolean) IS 'Keep a vector column up to date with a source expression over its row: adds the column if it is missing, attaches triggers, builds the index and queues the rows that have no vector. Returns how many it queued.';

CREATE FUNCTION sqlembed.create_kmeans(name text, query text, num_clusters integer DEFAULT NULL::integer, metric text DEFAULT 'cosine'::text, max_iterations integer DEFAULT 20, min_rel_progress double precision DEFAULT 0.01, seed integer DEFAULT 0) RETURNS sqlembed.fitted_model
    LANGUAGE plpgsql
    SET jit TO 'off';

COMMENT ON FUNCTION sqlembed.create_kmeans(name text, query text, num_clusters integer, metric text, max_iterations integer, min_rel_progress double precision, seed integer) IS 'Fit a k-means model to the rows of a query of an id and a vector, and keep it under a name. num_clusters is by default the root of half the number of rows, from 2 to 100. metric: cosine (loss: sum of 1 - cos) or euclidean (loss: sum of squared distances). It stops after max_iterations, or when further iterations promise less than min_rel_progress of what has been gained so far. Large tables are fitted on a sample of 256 rows a cluster, 10000 at least; sizes, radii and loss are those of all rows. The query is run several times and must give the same rows each time.';

CREATE FUNCTION sqlembed.distance(a public.halfvec, b public.halfvec, metric text DEFAULT 'cosine'::text) RETURNS double precision
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION sqlembed.distance(a public.halfvec, b public.halfvec, metric text) IS 'Distance of two vectors as the operator of the metric gives it: cosine (1 - cos), euclidean, inner_product (negative) or l1.';

CREATE FUNCTION sqlembed.distance(a public.vector, b public.vector, metric text DEFAULT 'cosine'::text) RETURNS double precision
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION sqlembed.distance(a public.vector, b public.vector, metric text) IS 'Distance of two vectors as the operator of the metric gives it: cosine (1 - cos), euclidean, inner_product (negative) or l1.';

CREATE FUNCTION sqlembed.drop_embedding(relation regclass, embedding name DEFAULT 'embedding'::name, keep_column boolean DEFAULT true) RETURNS void
    LANGUAGE plpgsql;

COMMENT ON FUNCTION sqlembed.drop_embedding(relation regclass, embedding name, keep_column boolean) IS 'Stop keeping a vector column up to date: takes off the triggers and the index that were made for it. The column and its vectors stay unless keep_column is false.';

CREATE FUNCTION sqlembed.drop_model(name text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed.drop_model(name text) IS 'Forget a cluster model.';

CREATE FUNCTION sqlembed.embed(embedder text, inputs text[]) RETURNS public.vector[]
    LANGUAGE sql STABLE PARALLEL RESTRICTED;

COMMENT ON FUNCTION sqlembed.embed(embedder text, inputs text[]) IS 'The vectors of several texts in one batch, in their order; NULL where a text is NULL, empty or blank.';

CREATE FUNCTION sqlembed.embed(embedder text, input text) RETURNS public.vector
    LANGUAGE sql STABLE PARALLEL RESTRICTED;

COMMENT ON FUNCTION sqlembed.embed(embedder text, input text) IS 'The vector of a text; NULL for NULL, empty and blank text. Write it as a scalar sub-select, (select sqlembed.embed(...)), so that it runs once a statement.';

CREATE FUNCTION sqlembed.embed_given(embedder text, input text, given public.vector, fingerprint text) RETURNS public.vector
    LANGUAGE plpgsql STABLE PARALLEL RESTRICTED;

COMMENT ON FUNCTION sqlembed.embed_given(embedder text, input text, given public.vector, fingerprint text) IS 'A vector that the calling process computed, refused when it comes from another embedder than the database knows; without one, embed().';

CREATE FUNCTION sqlembed.grant_embedder(embedder text, grantee text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed.grant_embedder(embedder text, grantee text) IS 'Let a role, or public, embed with an embedder.';

CREATE FUNCTION sqlembed.predict(name text, embedding public.halfvec) RETURNS integer
    LANGUAGE sql STABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sqlembed.predict(name text, embedding public.halfvec) IS 'Number of the cluster whose centroid is nearest; NULL for NULL, and under cosine for a vector of zeros, which has no direction. For many rows, assign is several times as fast.';

CREATE FUNCTION sqlembed.predict(name text, embedding public.vector) RETURNS integer
    LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sqlembed.predict(name text, embedding public.vector) IS 'Number of the cluster whose centroid is nearest; NULL for NULL, and under cosine for a vector of zeros, which has no direction. For many rows, assign is several times as fast.';

CREATE FUNCTION sqlembed.refresh_embedding(relation regclass, embedding name DEFAULT NULL::name, filter text DEFAULT NULL::text) RETURNS bigint
    LANGUAGE plpgsql;

COMMENT ON FUNCTION sqlembed.refresh_embedding(relation regclass, embedding name, filter text) IS 'Queue rows to be embedded anew, all of them or those that a SQL condition keeps. Returns how many. Their present vectors stay meanwhile.';

CREATE FUNCTION sqlembed.register_embedder(name text, dimensions integer, fingerprint text DEFAULT NULL::text, runtime text DEFAULT 'python'::text, is_asymmetric boolean DEFAULT false) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed.register_embedder(name text, dimensions integer, fingerprint text, runtime text, is_asymmetric boolean) IS 'Make an embedder known. Registering it again is no error; with other dimensions or another fingerprint it is refused.';

CREATE FUNCTION sqlembed.retry_failed(relation regclass, embedding name DEFAULT NULL::name) RETURNS bigint
    LANGUAGE plpgsql;

COMMENT ON FUNCTION sqlembed.retry_failed(relation regclass, embedding name) IS 'Queue again the rows that were given up. Returns how many.';

CREATE FUNCTION sqlembed.revoke_embedder(embedder text, grantee text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed.revoke_embedder(embedder text, grantee text) IS 'Take the right to embed with an embedder back from a role, or from public.';

CREATE FUNCTION sqlembed.search(relation anyelement, query text, k integer DEFAULT 10, embedding name DEFAULT NULL::name, filter text DEFAULT NULL::text, mode text DEFAULT 'vector'::text) RETURNS TABLE(base anyelement, distance double precision, score double precision, chunk text)
    LANGUAGE plpgsql STABLE ROWS 10;

COMMENT ON FUNCTION sqlembed.search(relation anyelement, query text, k integer, embedding name, filter text, mode text) IS 'The k rows whose embedding is nearest to a text, nearest first: select (base).title, distance from sqlembed.search(null::article, ''food''). filter is a condition on one row of the table, applied before ranking; mode => ''exact'' compares every row.';

CREATE FUNCTION sqlembed.search(relation text, query text, k integer DEFAULT 10, embedding name DEFAULT NULL::name, filter text DEFAULT NULL::text, mode text DEFAULT 'vector'::text) RETURNS TABLE(base text, distance double precision, score double precision, chunk text)
    LANGUAGE plpgsql IMMUTABLE;

COMMENT ON FUNCTION sqlembed.search(relation text, query text, k integer, embedding name, filter text, mode text) IS 'Always an error, which shows how a table is given: as a NULL of its row type.';

CREATE FUNCTION sqlembed.similarity(embedder text, a text, b text) RETURNS double precision
    LANGUAGE plpgsql STABLE PARALLEL RESTRICTED;

COMMENT ON FUNCTION sqlembed.similarity(embedder text, a text, b text) IS 'Cosine of the vectors of two texts, -1 to 1; NULL when one of them is NULL, empty or blank.';

CREATE FUNCTION sqlembed.vector_search(relation anyelement, query public.vector, k integer DEFAULT 10, embedding name DEFAULT NULL::name, filter text DEFAULT NULL::text, mode text DEFAULT 'vector'::text, metric text DEFAULT NULL::text) RETURNS TABLE(base anyelement, distance double precision, score double precision, chunk text)
    LANGUAGE plpgsql STABLE ROWS 10;

COMMENT ON FUNCTION sqlembed.vector_search(relation anyelement, query public.vector, k integer, embedding name, filter text, mode text, metric text) IS 'As search, for a vector that is at hand; NULL has no neighbours. Any vector column will do, declared as an embedding or not: embedding names it. metric NULL means the declared one, else cosine.';

CREATE FUNCTION sqlembed.vector_search(relation text, query public.vector, k integer DEFAULT 10, embedding name DEFAULT NULL::name, filter text DEFAULT NULL::text, mode text DEFAULT 'vector'::text, metric text DEFAULT NULL::text) RETURNS TABLE(base text, distance double precision, score double precision, chunk text)
    LANGUAGE plpgsql IMMUTABLE;

COMMENT ON FUNCTION sqlembed.vector_search(relation text, query public.vector, k integer, embedding name, filter text, mode text, metric text) IS 'Always an error, which shows how a table is given: as a NULL of its row type.';

CREATE PROCEDURE sqlembed.wait_until_embedded(IN relation regclass, IN timeout interval DEFAULT '00:01:00'::interval)
    LANGUAGE plpgsql;

COMMENT ON PROCEDURE sqlembed.wait_until_embedded(IN relation regclass, IN timeout interval) IS 'Return when every row of a table that was committed before has been embedded or given up: read your writes. Not inside a transaction.';

CREATE FUNCTION sqlembed_wire.ask_again(id bigint, ticket bytea) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed_wire.ask_again(id bigint, ticket bytea) IS 'Say that somebody still waits, and move the request when its worker has died. False when the request is gone.';

CREATE FUNCTION sqlembed_wire.peek(id bigint, ticket bytea, OUT done boolean, OUT result public.vector[], OUT error text, OUT epoch_key integer) RETURNS record
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed_wire.peek(id bigint, ticket bytea, OUT done boolean, OUT result public.vector[], OUT error text, OUT epoch_key integer) IS 'The answer to a request if it is there, and the lock to wait for if it is not.';

CREATE PROCEDURE sqlembed_wire.request(IN embedder text, IN kind text, IN inputs text[], IN ticket bytea, IN slice_ms integer, INOUT id bigint DEFAULT NULL::bigint, INOUT done boolean DEFAULT false, INOUT result public.vector[] DEFAULT NULL::public.vector[])
    LANGUAGE plpgsql;

COMMENT ON PROCEDURE sqlembed_wire.request(IN embedder text, IN kind text, IN inputs text[], IN ticket bytea, IN slice_ms integer, INOUT id bigint, INOUT done boolean, INOUT result public.vector[]) IS 'Submit texts, or ask again, and wait one slice for the vectors: three short sleeps, then the lock that the worker lets go of when it has answered. Short slices let the caller notice a cancel.';

CREATE FUNCTION sqlembed_wire.submit(embedder text, kind text, inputs text[], ticket bytea, OUT id bigint, OUT result public.vector[]) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

COMMENT ON FUNCTION sqlembed_wire.submit(embedder text, kind text, inputs text[], ticket bytea, OUT id bigint, OUT result public.vector[]) IS 'Hand texts to a worker, or answer at once from the cache. The ticket proves that embed() asks.';

CREATE TABLE sqlembed.alembic_version (
    version_num character varying(32) NOT NULL
);

CREATE TABLE sqlembed.cache (
    fingerprint text NOT NULL,
    kind text NOT NULL,
    input_hash bytea NOT NULL,
    embedding public.vector NOT NULL,
    used_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

COMMENT ON TABLE sqlembed.cache IS 'Vectors already computed, by fingerprint and text.';

COMMENT ON COLUMN sqlembed.cache.fingerprint IS 'Fingerprint of the embedder.';

COMMENT ON COLUMN sqlembed.cache.kind IS 'document or query.';

COMMENT ON COLUMN sqlembed.cache.input_hash IS 'sha256 of the text in UTF-8.';

COMMENT ON COLUMN sqlembed.cache.embedding IS 'The vector.';

COMMENT ON COLUMN sqlembed.cache.used_at IS 'When a worker last used it; the oldest go first.';

CREATE TABLE sqlembed.change (
    id bigint NOT NULL,
    embedding integer NOT NULL,
    key jsonb NOT NULL,
    changed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT change_key_check CHECK ((jsonb_typeof(key) = 'array'::text))
);

COMMENT ON TABLE sqlembed.change IS 'Keys of rows whose source changed. Writers only append; workers fold it into job.';

COMMENT ON COLUMN sqlembed.change.id IS 'Order of arrival.';

COMMENT ON COLUMN sqlembed.change.embedding IS 'The embedding that is out of date.';

COMMENT ON COLUMN sqlembed.change.key IS 'The row: its primary key''s values in order.';

COMMENT ON COLUMN sqlembed.change.changed_at IS 'When the row was written.';

ALTER TABLE sqlembed.change ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME sqlembed.change_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE sqlembed.cluster_centroid (
    model text NOT NULL,
    centroid_id integer NOT NULL,
    centroid public.vector NOT NULL,
    cluster_size bigint NOT NULL,
    cluster_radius double precision
)
WITH (toast_tuple_target='8160');

COMMENT ON TABLE sqlembed.cluster_centroid IS 'Centroids of the k-means models.';

COMMENT ON COLUMN sqlembed.cluster_centroid.model IS 'Name of the model.';

COMMENT ON COLUMN sqlembed.cluster_centroid.centroid_id IS 'Number of the cluster, from 1.';

COMMENT ON COLUMN sqlembed.cluster_centroid.centroid IS 'Mean of the cluster''s vectors; under cosine their mean direction, a unit vector.';

COMMENT ON COLUMN sqlembed.cluster_centroid.cluster_size IS 'Rows in the cluster when it was fitted.';

COMMENT ON COLUMN sqlembed.cluster_centroid.cluster_radius IS 'Root of the mean squared distance of its rows to the centroid.';

CREATE TABLE sqlembed.embedder (
    name text NOT NULL,
    dimensions integer NOT NULL,
    fingerprint text,
    runtime text DEFAULT 'python'::text NOT NULL,
    is_asymmetric boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT embedder_dimensions_check CHECK (((dimensions >= 1) AND (dimensions <= 16000))),
    CONSTRAINT embedder_name_check CHECK (((name <> ''::text) AND (length(name) <= 200))),
    CONSTRAINT embedder_runtime_check CHECK ((runtime = ANY (ARRAY['python'::text, 'sql'::text])))
);

COMMENT ON TABLE sqlembed.embedder IS 'Named embedding functions that this database knows.';

COMMENT ON COLUMN sqlembed.embedder.name IS 'The name that SQL, Python and the command line use.';

COMMENT ON COLUMN sqlembed.embedder.dimensions IS 'Length of every vector it makes.';

COMMENT ON COLUMN sqlembed.embedder.fingerprint IS 'What decides its vectors (weights, version, pooling, prompts); null until a worker has served it.';

COMMENT ON COLUMN sqlembed.embedder.runtime IS 'Where it runs: python (a worker) or sql (this database).';

COMMENT ON COLUMN sqlembed.embedder.is_asymmetric IS 'Whether queries are embedded otherwise than documents.';

COMMENT ON COLUMN sqlembed.embedder.created_at IS 'When the name was first registered.';

CREATE TABLE sqlembed.embedder_key (
    embedder text NOT NULL,
    key bytea NOT NULL,
    grantees regrole[] DEFAULT '{}'::regrole[] NOT NULL
);

COMMENT ON TABLE sqlembed.embedder_key IS 'Who may embed with which embedder: reading a row is the right.';

COMMENT ON COLUMN sqlembed.embedder_key.embedder IS 'The embedder that the key opens.';

COMMENT ON COLUMN sqlembed.embedder_key.key IS 'Random bytes, changed when a role loses the right.';

COMMENT ON COLUMN sqlembed.embedder_key.grantees IS 'Roles that may use the embedder; 0 (-) stands for everybody.';

ALTER TABLE sqlembed.embedding ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME sqlembed.embedding_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE sqlembed.failed_job (
    embedding integer NOT NULL,
    key jsonb NOT NULL,
    attempts integer NOT NULL,
    error text NOT NULL,
    failed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

COMMENT ON TABLE sqlembed.failed_job IS 'Rows given up after several attempts; retry_failed brings them back.';

COMMENT ON COLUMN sqlembed.failed_job.embedding IS 'The embedding that has no vector for the row.';

COMMENT ON COLUMN sqlembed.failed_job.key IS 'The row: its primary key''s values in order.';

COMMENT ON COLUMN sqlembed.failed_job.attempts IS 'How often it was tried.';

COMMENT ON COLUMN sqlembed.failed_job.error IS 'What the embedder said at the last attempt.';

COMMENT ON COLUMN sqlembed.failed_job.failed_at IS 'When it was given up.';

CREATE VIEW sqlembed.failure AS
 SELECT e.relation,
    e.name AS embedding,
    f.key,
    f.attempts,
    f.error,
    f.failed_at
   FROM (sqlembed.failed_job f
     JOIN sqlembed.embedding e ON ((e.id = f.embedding)))
  WHERE sqlembed._sees_all_rows(e.relation);

COMMENT ON VIEW sqlembed.failure IS 'Rows that were given up, with what the embedder said; retry_failed brings them back. Not for those from whom a policy keeps rows back.';

COMMENT ON COLUMN sqlembed.failure.relation IS 'The table.';

COMMENT ON COLUMN sqlembed.failure.embedding IS 'The vector column.';

COMMENT ON COLUMN sqlembed.failure.key IS 'The row: its primary key''s values in order.';

COMMENT ON COLUMN sqlembed.failure.attempts IS 'How often it was tried.';

COMMENT ON COLUMN sqlembed.failure.error IS 'What the embedder said at the last attempt.';

COMMENT ON COLUMN sqlembed.failure.failed_at IS 'When it was given up.';

CREATE TABLE sqlembed.job (
    embedding integer NOT NULL,
    key jsonb NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    changed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    not_before timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    locked_until timestamp with time zone,
    worker integer,
    error text
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_threshold='1000');

COMMENT ON TABLE sqlembed.job IS 'Pending work: at most one job a row and embedding.';

COMMENT ON COLUMN sqlembed.job.embedding IS 'The embedding to bring up to date.';

COMMENT ON COLUMN sqlembed.job.key IS 'The row: its primary key''s values in order.';

COMMENT ON COLUMN sqlembed.job.version IS 'Raised by every change, so that a worker sees that its answer is for an older text.';

COMMENT ON COLUMN sqlembed.job.attempts IS 'How often the embedder has failed on this row.';

COMMENT ON COLUMN sqlembed.job.changed_at IS 'When the oldest change not yet embedded was written.';

COMMENT ON COLUMN sqlembed.job.not_before IS 'Not to be tried earlier.';

COMMENT ON COLUMN sqlembed.job.locked_until IS 'End of the lease of the worker that has it in hand.';

COMMENT ON COLUMN sqlembed.job.worker IS 'The worker that has it in hand.';

COMMENT ON COLUMN sqlembed.job.error IS 'What the embedder said at the last attempt.';

CREATE UNLOGGED TABLE sqlembed.request (
    id bigint NOT NULL,
    worker integer NOT NULL,
    embedder text NOT NULL,
    inputs text[] NOT NULL,
    kind text NOT NULL,
    ticket bytea NOT NULL,
    result public.vector[],
    error text,
    done boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    asked_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT request_kind_check CHECK ((kind = ANY (ARRAY['document'::text, 'query'::text])))
)
WITH (fillfactor='50', autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='1000', autovacuum_vacuum_cost_delay='0');

COMMENT ON TABLE sqlembed.request IS 'Texts that SQL statements want embedded right now.';

COMMENT ON COLUMN sqlembed.request.id IS 'Number of the request.';

COMMENT ON COLUMN sqlembed.request.worker IS 'The worker that was asked.';

COMMENT ON COLUMN sqlembed.request.embedder IS 'The embedder to use.';

COMMENT ON COLUMN sqlembed.request.inputs IS 'The texts, none of them blank.';

COMMENT ON COLUMN sqlembed.request.kind IS 'document or query.';

COMMENT ON COLUMN sqlembed.request.ticket IS 'Proof that embed() made the request; asked for again with every look at the answer.';

COMMENT ON COLUMN sqlembed.request.result IS 'The vectors, in the order of inputs.';

COMMENT ON COLUMN sqlembed.request.error IS 'What the embedder said instead.';

COMMENT ON COLUMN sqlembed.request.done IS 'Whether result or error is there.';

COMMENT ON COLUMN sqlembed.request.created_at IS 'When it was made.';

COMMENT ON COLUMN sqlembed.request.asked_at IS 'When the caller last asked; a request nobody asks for is dropped.';

ALTER TABLE sqlembed.request ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME sqlembed.request_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE sqlembed.secret (
    singleton boolean DEFAULT true NOT NULL,
    value bytea NOT NULL,
    CONSTRAINT secret_singleton_check CHECK (singleton)
);

COMMENT ON TABLE sqlembed.secret IS 'What tickets are made with.';

COMMENT ON COLUMN sqlembed.secret.singleton IS 'There is one row.';

COMMENT ON COLUMN sqlembed.secret.value IS 'Random bytes.';

CREATE VIEW sqlembed.status AS
 SELECT e.relation,
    e.name AS embedding,
    e.embedder,
    e.timing,
    c.total,
    c.embedded,
    c.blank,
    q.pending,
    q.failed,
    q.oldest_pending,
        CASE
            WHEN (g.name IS NOT NULL) THEN (('column '::text || quote_ident((g.name)::text)) || ' of its source is gone: drop this embedding and declare it anew'::text)
            WHEN ((q.last_error IS NOT NULL) AND sqlembed._sees_all_rows(e.relation)) THEN q.last_error
            WHEN (m.fingerprint IS NULL) THEN ('unserved: no worker has registered embedder '::text || quote_ident(e.embedder))
            ELSE NULL::text
        END AS last_error
   FROM ((((sqlembed.embedding e
     JOIN sqlembed.embedder m ON ((m.name = e.embedder)))
     CROSS JOIN LATERAL sqlembed._count_rows(e.relation, e.name, e.source) c(total, embedded, blank))
     CROSS JOIN LATERAL ( SELECT ( SELECT count(*) AS count
                   FROM ( SELECT j.key
                           FROM sqlembed.job j
                          WHERE (j.embedding = e.id)
                        UNION
                         SELECT h.key
                           FROM sqlembed.change h
                          WHERE (h.embedding = e.id)) waiting) AS pending,
            ( SELECT count(*) AS count
                   FROM sqlembed.failed_job f
                  WHERE (f.embedding = e.id)) AS failed,
            ( SELECT min(waiting.changed_at) AS min
                   FROM ( SELECT j.changed_at
                           FROM sqlembed.job j
                          WHERE (j.embedding = e.id)
                        UNION ALL
                         SELECT h.changed_at
                           FROM sqlembed.change h
                          WHERE (h.embedding = e.id)) waiting) AS oldest_pending,
            COALESCE(( SELECT j.error
                   FROM sqlembed.job j
                  WHERE ((j.embedding = e.id) AND (j.error IS NOT NULL))
                  ORDER BY j.not_before DESC
                 LIMIT 1), ( SELECT f.error
                   FROM sqlembed.failed_job f
                  WHERE (f.embedding = e.id)
                  ORDER BY f.failed_at DESC
                 LIMIT 1)) AS last_error) q)
     LEFT JOIN LATERAL ( SELECT s.name
           FROM unnest(e.source_columns) s(name)
          WHERE (NOT (EXISTS ( SELECT
                   FROM pg_attribute a
                  WHERE ((a.attrelid = (e.relation)::oid) AND (a.attname = s.name) AND (NOT a.attisdropped)))))
         LIMIT 1) g ON (true))
  WHERE (has_table_privilege((e.relation)::oid, 'select'::text) AND (EXISTS ( SELECT
           FROM pg_attribute a
          WHERE ((a.attrelid = (e.relation)::oid) AND (a.attname = e.name) AND (NOT a.attisdropped)))));

COMMENT ON VIEW sqlembed.status IS 'How far each embedding is. Counting reads the tables.';

COMMENT ON COLUMN sqlembed.status.relation IS 'The table.';

COMMENT ON COLUMN sqlembed.status.embedding IS 'The vector column.';

COMMENT ON COLUMN sqlembed.status.embedder IS 'The embedder that makes the vectors.';

COMMENT ON COLUMN sqlembed.status.timing IS 'async or sync.';

COMMENT ON COLUMN sqlembed.status.total IS 'Rows that the caller can see.';

COMMENT ON COLUMN sqlembed.status.embedded IS 'Rows with a vector.';

COMMENT ON COLUMN sqlembed.status.blank IS 'Rows whose source is NULL, empty or blank: they get no vector.';

COMMENT ON COLUMN sqlembed.status.pending IS 'Rows that wait for a worker.';

COMMENT ON COLUMN sqlembed.status.failed IS 'Rows that were given up.';

COMMENT ON COLUMN sqlembed.status.oldest_pending IS 'When the oldest change that waits was written.';

COMMENT ON COLUMN sqlembed.status.last_error IS 'What went wrong last.';

CREATE TABLE sqlembed.worker_process (
    id integer NOT NULL,
    name text NOT NULL,
    embedders text[] NOT NULL,
    epoch integer DEFAULT 0 NOT NULL,
    started_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
)
WITH (fillfactor='10');

COMMENT ON TABLE sqlembed.worker_process IS 'Workers that have started; one is alive while it holds its advisory lock.';

COMMENT ON COLUMN sqlembed.worker_process.id IS 'Number of the worker.';

COMMENT ON COLUMN sqlembed.worker_process.name IS 'Machine and process.';

COMMENT ON COLUMN sqlembed.worker_process.embedders IS 'Embedders that it serves.';

COMMENT ON COLUMN sqlembed.worker_process.epoch IS 'Raised with every batch of answers; callers wait for the lock of the epoch they saw.';

COMMENT ON COLUMN sqlembed.worker_process.started_at IS 'When it started.';

CREATE VIEW sqlembed.worker AS
 SELECT id,
    name,
    embedders,
    started_at
   FROM sqlembed.worker_process w
  WHERE (EXISTS ( SELECT
           FROM pg_locks l
          WHERE ((l.locktype = 'advisory'::text) AND (l.database = ( SELECT d.oid
                   FROM pg_database d
                  WHERE (d.datname = current_database()))) AND (l.classid = (sqlembed._lock('presence'::text))::oid) AND (l.objid = (w.id)::oid) AND (l.objsubid = 2) AND (l.mode = 'ExclusiveLock'::text) AND l.granted)));

COMMENT ON VIEW sqlembed.worker IS 'Workers that are alive, what they serve and since when.';

COMMENT ON COLUMN sqlembed.worker.id IS 'Number of the worker.';

COMMENT ON COLUMN sqlembed.worker.name IS 'Machine and process.';

COMMENT ON COLUMN sqlembed.worker.embedders IS 'Embedders that it serves.';

COMMENT ON COLUMN sqlembed.worker.started_at IS 'When it started.';

ALTER TABLE sqlembed.worker_process ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME sqlembed.worker_process_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE ONLY sqlembed.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);

ALTER TABLE ONLY sqlembed.cache
    ADD CONSTRAINT cache_pkey PRIMARY KEY (fingerprint, kind, input_hash);

ALTER TABLE ONLY sqlembed.change
    ADD CONSTRAINT change_pkey PRIMARY KEY (id);

ALTER TABLE ONLY sqlembed.cluster_centroid
    ADD CONSTRAINT cluster_centroid_pkey PRIMARY KEY (model, centroid_id);

ALTER TABLE ONLY sqlembed.cluster_model
    ADD CONSTRAINT cluster_model_pkey PRIMARY KEY (name);

ALTER TABLE ONLY sqlembed.embedder_key
    ADD CONSTRAINT embedder_key_pkey PRIMARY KEY (embedder);

ALTER TABLE ONLY sqlembed.embedder
    ADD CONSTRAINT embedder_pkey PRIMARY KEY (name);

ALTER TABLE ONLY sqlembed.embedding
    ADD CONSTRAINT embedding_pkey PRIMARY KEY (id);

ALTER TABLE ONLY sqlembed.failed_job
    ADD CONSTRAINT failed_job_pkey PRIMARY KEY (embedding, key);

ALTER TABLE ONLY sqlembed.embedding
    ADD CONSTRAINT one_embedding_a_column UNIQUE (relation, name);

ALTER TABLE ONLY sqlembed.job
    ADD CONSTRAINT one_job_a_row PRIMARY KEY (embedding, key);

ALTER TABLE ONLY sqlembed.request
    ADD CONSTRAINT request_pkey PRIMARY KEY (id);

ALTER TABLE ONLY sqlembed.secret
    ADD CONSTRAINT secret_pkey PRIMARY KEY (singleton);

ALTER TABLE ONLY sqlembed.worker_process
    ADD CONSTRAINT worker_process_pkey PRIMARY KEY (id);

CREATE INDEX cache_oldest ON sqlembed.cache USING btree (used_at);

CREATE INDEX job_due ON sqlembed.job USING btree (embedding, not_before);

CREATE INDEX request_waiting ON sqlembed.request USING btree (worker) WHERE (NOT done);

CREATE TRIGGER check_declaration BEFORE INSERT ON sqlembed.embedding FOR EACH ROW EXECUTE FUNCTION sqlembed._check_declaration();

ALTER TABLE ONLY sqlembed.cluster_centroid
    ADD CONSTRAINT cluster_centroid_model_fkey FOREIGN KEY (model) REFERENCES sqlembed.cluster_model(name) ON UPDATE CASCADE ON DELETE CASCADE;

ALTER TABLE ONLY sqlembed.embedder_key
    ADD CONSTRAINT embedder_key_embedder_fkey FOREIGN KEY (embedder) REFERENCES sqlembed.embedder(name) ON UPDATE CASCADE ON DELETE CASCADE;

ALTER TABLE ONLY sqlembed.embedding
    ADD CONSTRAINT embedding_embedder_fkey FOREIGN KEY (embedder) REFERENCES sqlembed.embedder(name) ON UPDATE CASCADE;

CREATE POLICY as_the_model ON sqlembed.cluster_centroid USING ((model = ANY (ARRAY( SELECT m.name
   FROM sqlembed.cluster_model m))));

ALTER TABLE sqlembed.change ENABLE ROW LEVEL SECURITY;

ALTER TABLE sqlembed.cluster_centroid ENABLE ROW LEVEL SECURITY;

ALTER TABLE sqlembed.cluster_model ENABLE ROW LEVEL SECURITY;

ALTER TABLE sqlembed.embedder_key ENABLE ROW LEVEL SECURITY;

ALTER TABLE sqlembed.embedding ENABLE ROW LEVEL SECURITY;

CREATE POLICY everybody_reads ON sqlembed.embedding FOR SELECT USING (true);

CREATE POLICY grantees ON sqlembed.embedder_key FOR SELECT USING ((EXISTS ( SELECT
   FROM unnest(embedder_key.grantees) grantee(grantee)
  WHERE (((grantee.grantee)::oid = (((0)::oid)::regrole)::oid) OR pg_has_role((grantee.grantee)::oid, 'usage'::text)))));

CREATE POLICY owner_alone ON sqlembed.cluster_model USING (pg_has_role((owner)::oid, 'usage'::text));

CREATE POLICY owner_of_the_table_declares ON sqlembed.embedding USING ((EXISTS ( SELECT
   FROM pg_class c
  WHERE ((c.oid = (embedding.relation)::oid) AND pg_has_role(c.relowner, 'usage'::text)))));

CREATE POLICY owner_of_the_table_queues ON sqlembed.change FOR INSERT WITH CHECK ((embedding = ANY (ARRAY( SELECT e.id
   FROM (sqlembed.embedding e
     JOIN pg_class c ON ((c.oid = (e.relation)::oid)))
  WHERE pg_has_role(c.relowner, 'usage'::text)))));

GRANT USAGE ON SCHEMA sqlembed TO PUBLIC;

GRANT USAGE ON SCHEMA sqlembed_wire TO sqlembed_loopback;

REVOKE ALL ON FUNCTION sqlembed._answer_requests(worker integer, ids bigint[], counts integer[], errors text[], fingerprint text, kind text, hashes bytea[], vectors public.vector[]) FROM PUBLIC;

GRANT SELECT,DELETE ON TABLE sqlembed.embedding TO PUBLIC;

GRANT INSERT(relation) ON TABLE sqlembed.embedding TO PUBLIC;

GRANT INSERT(name) ON TABLE sqlembed.embedding TO PUBLIC;

GRANT INSERT(embedder) ON TABLE sqlembed.embedding TO PUBLIC;

GRANT INSERT(source) ON TABLE sqlembed.embedding TO PUBLIC;

GRANT INSERT(declared_source) ON TABLE sqlembed.embedding TO PUBLIC;

GRANT INSERT(timing) ON TABLE sqlembed.embedding TO PUBLIC;

GRANT INSERT(on_change) ON TABLE sqlembed.embedding TO PUBLIC;

GRANT INSERT(metric) ON TABLE sqlembed.embedding TO PUBLIC;

GRANT INSERT(storage) ON TABLE sqlembed.embedding TO PUBLIC;

GRANT INSERT(index) ON TABLE sqlembed.embedding TO PUBLIC;

GRANT UPDATE(index_name) ON TABLE sqlembed.embedding TO PUBLIC;

GRANT INSERT(place) ON TABLE sqlembed.embedding TO PUBLIC;

GRANT INSERT(chunking) ON TABLE sqlembed.embedding TO PUBLIC;

GRANT INSERT(dimensions) ON TABLE sqlembed.embedding TO PUBLIC;

GRANT INSERT(key_columns) ON TABLE sqlembed.embedding TO PUBLIC;

GRANT INSERT(key_expression) ON TABLE sqlembed.embedding TO PUBLIC;

GRANT INSERT(source_columns) ON TABLE sqlembed.embedding TO PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._cached(embedder text, kind text, inputs text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._choose_worker(embedder text) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._claim_jobs(worker integer, embedders text[], most integer[], without integer[], lease interval) FROM PUBLIC;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE sqlembed.cluster_model TO PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._configure_loopback(password text, way_in text) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._fail_jobs(worker integer, embedding integer, keys jsonb[], versions bigint[], errors text[], max_attempts integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._finish_jobs(worker integer, embedding integer, keys jsonb[], versions bigint[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._fold_changes(most integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._follow_keys() FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._is_alive(worker integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._is_dblink_shared() FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._is_loopback_shared() FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._leave_epoch(worker integer, next integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._next_epoch(worker integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._open_loopback() FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._probe_loopback() FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._read_cache(fingerprint text, kind text, hashes bytea[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._read_sources(embedding integer, keys jsonb[], budget bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._register_name(name text, dimensions integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._release_jobs(worker integer, embedding integer, keys jsonb[], delay interval, error text) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._renew_leases(worker integer, embedding integer, keys jsonb[], lease interval) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._start_worker(name text, embedders text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._stop_worker(worker integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._sweep(cache_rows bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._take_requests(worker integer, most integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._ticket(embedder text, kind text, inputs text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._write_cache(fingerprint text, kind text, hashes bytea[], vectors public.vector[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._write_vectors(embedding integer, keys jsonb[], hashes bytea[], vectors public.vector[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed.grant_embedder(embedder text, grantee text) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed.register_embedder(name text, dimensions integer, fingerprint text, runtime text, is_asymmetric boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed.revoke_embedder(embedder text, grantee text) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed_wire.ask_again(id bigint, ticket bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION sqlembed_wire.ask_again(id bigint, ticket bytea) TO sqlembed_loopback;

REVOKE ALL ON FUNCTION sqlembed_wire.peek(id bigint, ticket bytea, OUT done boolean, OUT result public.vector[], OUT error text, OUT epoch_key integer) FROM PUBLIC;
GRANT ALL ON FUNCTION sqlembed_wire.peek(id bigint, ticket bytea, OUT done boolean, OUT result public.vector[], OUT error text, OUT epoch_key integer) TO sqlembed_loopback;

REVOKE ALL ON PROCEDURE sqlembed_wire.request(IN embedder text, IN kind text, IN inputs text[], IN ticket bytea, IN slice_ms integer, INOUT id bigint, INOUT done boolean, INOUT result public.vector[]) FROM PUBLIC;
GRANT ALL ON PROCEDURE sqlembed_wire.request(IN embedder text, IN kind text, IN inputs text[], IN ticket bytea, IN slice_ms integer, INOUT id bigint, INOUT done boolean, INOUT result public.vector[]) TO sqlembed_loopback;

REVOKE ALL ON FUNCTION sqlembed_wire.submit(embedder text, kind text, inputs text[], ticket bytea, OUT id bigint, OUT result public.vector[]) FROM PUBLIC;
GRANT ALL ON FUNCTION sqlembed_wire.submit(embedder text, kind text, inputs text[], ticket bytea, OUT id bigint, OUT result public.vector[]) TO sqlembed_loopback;

GRANT INSERT ON TABLE sqlembed.change TO PUBLIC;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE sqlembed.cluster_centroid TO PUBLIC;

GRANT SELECT ON TABLE sqlembed.embedder TO PUBLIC;

GRANT SELECT ON TABLE sqlembed.embedder_key TO PUBLIC;

GRANT SELECT ON TABLE sqlembed.failure TO PUBLIC;

GRANT SELECT ON TABLE sqlembed.status TO PUBLIC;

GRANT SELECT ON TABLE sqlembed.worker TO PUBLIC;
