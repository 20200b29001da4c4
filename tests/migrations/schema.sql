CREATE SCHEMA sqlembed;

CREATE SCHEMA sqlembed_wire;

CREATE TYPE sqlembed.centroid_cell AS (
	centroid_ids integer[],
	centroids public.vector[]
);

CREATE TYPE sqlembed.centroid_index AS (
	centers public.vector[],
	cells sqlembed.centroid_cell[]
);

CREATE TYPE sqlembed.fitted_model AS (
	name text,
	num_clusters integer,
	iterations integer,
	loss double precision
);

CREATE TYPE sqlembed.row_state AS (
	embedding name,
	state text,
	has_vector boolean,
	attempts integer,
	error text,
	changed_at timestamp with time zone,
	retry_at timestamp with time zone
);

CREATE TYPE sqlembed.search_path AS (
	is_exact boolean,
	is_iterative boolean,
	reason text,
	ef_search integer,
	max_scan_tuples integer,
	total_rows double precision,
	matching_rows double precision,
	exact_cost double precision,
	visits double precision,
	depth double precision,
	candidates double precision
);

CREATE TYPE sqlembed.search_target AS (
	relation regclass,
	embedding name,
	vector_relation regclass,
	embedder text,
	metric text,
	row_name text,
	row_type text,
	from_clause text,
	vector text,
	distance text,
	key_columns text[],
	is_guarded boolean,
	chunk text,
	hash text,
	hash_function text,
	index_kind text,
	index_dimensions integer,
	ordering text
);

CREATE FUNCTION sqlembed._acts_for_owner(relation regclass) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._after_key(relation regclass, row_name text, key jsonb) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._answer_requests(worker integer, ids bigint[], counts integer[], errors text[], fingerprint text, kind text, hashes bytea[], vectors public.vector[]) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._ask(embedder text, key bytea, kind text, inputs text[]) RETURNS public.vector[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL RESTRICTED
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off';

CREATE FUNCTION sqlembed._ask_worker(embedder text, kind text, inputs text[]) RETURNS public.vector[]
    LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._assigned_sql(name text, query text, with_distances boolean, index text DEFAULT '$1'::text) RETURNS text
    LANGUAGE plpgsql STABLE;

CREATE FUNCTION sqlembed._attach_families() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET lock_timeout TO '200ms';

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
    index_options jsonb,
    index_name name,
    place text NOT NULL,
    side regclass,
    hash_function name,
    chunking jsonb,
    full_text text,
    full_text_column name,
    dimensions integer NOT NULL,
    key_columns name[] NOT NULL,
    key_types regtype[] NOT NULL,
    key_expression text NOT NULL,
    source_columns name[] NOT NULL,
    numbered_in oid NOT NULL,
    vector_number smallint,
    source_numbers smallint[] NOT NULL,
    members regclass[] NOT NULL,
    generation text DEFAULT 'current'::text NOT NULL,
    generation_of integer,
    rows_per_second integer,
    queued_at timestamp with time zone DEFAULT clock_timestamp(),
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    is_dropped boolean DEFAULT false NOT NULL,
    CONSTRAINT columns_of_one_table CHECK ((cardinality(source_columns) <= 1600)),
    CONSTRAINT embedding_generation_check CHECK ((generation = ANY (ARRAY['current'::text, 'next'::text, 'previous'::text]))),
    CONSTRAINT embedding_index_check CHECK ((index = ANY (ARRAY['hnsw'::text, 'binary'::text, 'prefix'::text, 'none'::text]))),
    CONSTRAINT embedding_metric_check CHECK ((metric = ANY (ARRAY['cosine'::text, 'euclidean'::text, 'inner_product'::text, 'l1'::text]))),
    CONSTRAINT embedding_on_change_check CHECK ((on_change = ANY (ARRAY['hide'::text, 'keep'::text]))),
    CONSTRAINT embedding_place_check CHECK ((place = ANY (ARRAY['row'::text, 'side'::text]))),
    CONSTRAINT embedding_rows_per_second_check CHECK ((rows_per_second >= 1)),
    CONSTRAINT embedding_storage_check CHECK ((storage = ANY (ARRAY['vector'::text, 'halfvec'::text]))),
    CONSTRAINT embedding_timing_check CHECK ((timing = ANY (ARRAY['async'::text, 'sync'::text]))),
    CONSTRAINT generation_of_another CHECK (((generation = 'current'::text) = (generation_of IS NULL))),
    CONSTRAINT side_table_in_its_place CHECK ((((place = 'side'::text) = (side IS NOT NULL)) AND ((place = 'side'::text) = (hash_function IS NOT NULL))))
);

CREATE FUNCTION sqlembed._attach_triggers(declared sqlembed.embedding) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._attempt(function_name text, source anyelement, query public.vector, k integer, name name, filter text, mode text, metric text, diversity double precision, after_distance double precision, after_key jsonb, excluded tid, excluded_table oid, with_vectors boolean) RETURNS TABLE(base anyelement, distance double precision, attempt integer, embedding public.vector, chunk text)
    LANGUAGE plpgsql STABLE ROWS 10;

CREATE FUNCTION sqlembed._base_columns(relation regclass, columns name[]) RETURNS name[]
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._beside(declared sqlembed.embedding) RETURNS sqlembed.embedding
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._blank(input text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION sqlembed._build_index(declared sqlembed.embedding, replaced regclass DEFAULT NULL::regclass) RETURNS void
    LANGUAGE plpgsql;

CREATE FUNCTION sqlembed._cached(embedder text, kind text, inputs text[]) RETURNS public.vector[]
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._canonical_source(relation regclass, source text, OUT expression text, OUT columns name[]) RETURNS record
    LANGUAGE plpgsql;

CREATE FUNCTION sqlembed._changed_families() RETURNS SETOF sqlembed.embedding
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._check_adopted(relation regclass, embedding name, embedder text, source text, metric text, place text, is_chunked boolean) RETURNS void
    LANGUAGE plpgsql;

CREATE FUNCTION sqlembed._check_choice(argument text, given text, choices text[], planned text[] DEFAULT '{}'::text[]) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._check_cluster_facts(num_rows bigint, num_vectors bigint, dimensions integer, most_dimensions integer, greatest_square double precision, num_directions bigint) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._check_declaration() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._check_described(relation oid, name text, numbers smallint[], columns name[]) RETURNS boolean
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._check_dimensions(name text, dimensions integer, num_numbers integer DEFAULT NULL::integer) RETURNS void
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._check_family(relation regclass, embedding name) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._check_filter(filter text) RETURNS void
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._check_index(index text, options jsonb) RETURNS jsonb
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._check_key(relation regclass, argument text, key jsonb) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._check_kmeans(name text, num_clusters integer, metric text, max_iterations integer, min_rel_progress double precision, seed integer, weights double precision[], choose_by text, candidates integer[]) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._check_label_column(relation regclass, label_column name) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._check_labels(labels text[], template text, temperature double precision) RETURNS void
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._check_name() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._check_options(timing text, on_change text, metric text, storage text, place text) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._check_relation(relation regclass) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._check_search(function_name text, k integer, filter text, mode text, diversity double precision, after_distance double precision, after_key jsonb) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE;

CREATE FUNCTION sqlembed._check_use(is_possible boolean, problem text, hint text) RETURNS void
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._check_vectors(relation regclass, embedding name, embedder text, source text, metric text, side regclass) RETURNS void
    LANGUAGE plpgsql;

CREATE FUNCTION sqlembed._check_writer(declared sqlembed.embedding) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._checked_chunking(chunking jsonb) RETURNS jsonb
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._choose_diverse(distances double precision[], vectors public.vector[], k integer, diversity double precision, metric text) RETURNS integer[]
    LANGUAGE plpgsql IMMUTABLE;

CREATE FUNCTION sqlembed._choose_num_clusters(points public.vector[], metric text, choose_by text, candidates integer[], seed integer) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._choose_worker(embedder text) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._chunk_statement(target sqlembed.search_target, conditions text, attempt integer, path sqlembed.search_path, later text, with_vectors boolean) RETURNS text
    LANGUAGE plpgsql STABLE;

CREATE FUNCTION sqlembed._claim_clustering(worker integer, methods text[], OUT id bigint, OUT title text, OUT method text, OUT parameters jsonb, OUT metric text, OUT read_vectors text, OUT write_labels text) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._claim_jobs(worker integer, embedders text[], most integer[], without integer[], lease interval, of_generations boolean DEFAULT false) RETURNS TABLE(embedding integer, revision text, key jsonb)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    SET enable_sort TO 'off';

CREATE FUNCTION sqlembed._cluster_facts(INOUT rows text, metric text, OUT num_rows bigint, OUT dimensions integer) RETURNS record
    LANGUAGE plpgsql;

CREATE TABLE sqlembed.cluster_model (
    name text NOT NULL,
    query text NOT NULL,
    metric text NOT NULL,
    dimensions integer NOT NULL,
    num_clusters integer NOT NULL,
    iterations integer NOT NULL,
    loss double precision NOT NULL,
    seed integer NOT NULL,
    standardize boolean DEFAULT true NOT NULL,
    weights double precision[],
    embedding_scale double precision DEFAULT 1 NOT NULL,
    number_means double precision[] DEFAULT '{}'::double precision[] NOT NULL,
    number_scales double precision[] DEFAULT '{}'::double precision[] NOT NULL,
    training_loss double precision[] DEFAULT '{}'::double precision[] NOT NULL,
    training_rows bigint[] DEFAULT '{}'::bigint[] NOT NULL,
    cell_centers public.vector[] DEFAULT '{}'::public.vector[] NOT NULL,
    owner regrole DEFAULT (CURRENT_USER)::regrole NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    is_dropped boolean DEFAULT false NOT NULL,
    CONSTRAINT cluster_model_metric_check CHECK ((metric = ANY (ARRAY['cosine'::text, 'euclidean'::text]))),
    CONSTRAINT cluster_model_name_check CHECK ((name <> ''::text))
);

CREATE FUNCTION sqlembed._cluster_model(name text) RETURNS sqlembed.cluster_model
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._cluster_rows(query text, OUT rows text, OUT num_numbers integer) RETURNS record
    LANGUAGE plpgsql STABLE;

CREATE TABLE sqlembed.clustering (
    id integer NOT NULL,
    name text NOT NULL,
    relation regclass NOT NULL,
    vector_column name NOT NULL,
    cluster_column name NOT NULL,
    vector_number smallint NOT NULL,
    cluster_number smallint NOT NULL,
    numbered_in oid NOT NULL,
    is_dropped boolean DEFAULT false NOT NULL
);

CREATE FUNCTION sqlembed._clustering_columns(known sqlembed.clustering) RETURNS TABLE(vector_column name, cluster_column name)
    LANGUAGE sql STABLE ROWS 1;

CREATE FUNCTION sqlembed._clustering_facts(known sqlembed.clustering, OUT embedding name, OUT cluster_column name, OUT total bigint, OUT embedded bigint, OUT assigned bigint, OUT size_shift double precision, OUT distance_growth double precision) RETURNS record
    LANGUAGE plpgsql STABLE
    SET jit TO 'off';

CREATE FUNCTION sqlembed._clustering_of(name text) RETURNS sqlembed.clustering
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._clustering_query(relation regclass, vector_column name) RETURNS text
    LANGUAGE sql STABLE;

CREATE FUNCTION sqlembed._clusters_source(relation regclass, embedding name, OUT from_clause text, OUT vector text, OUT key text, OUT metric text) RETURNS record
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._column_numbers(relation regclass, columns name[]) RETURNS smallint[]
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._column_types(relation regclass, columns name[]) RETURNS regtype[]
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._components(num_nodes integer, from_nodes integer[], to_nodes integer[]) RETURNS integer[]
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._configure_loopback(password text DEFAULT NULL::text, way_in text DEFAULT NULL::text) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET standard_conforming_strings TO 'on';

CREATE FUNCTION sqlembed._copy_rights(present sqlembed.embedding, other sqlembed.embedding) RETURNS void
    LANGUAGE plpgsql;

CREATE FUNCTION sqlembed._cosine_silhouette_sql(rows text, sample_size integer) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._count_pending(embedders text[], without integer[]) RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._count_rows(declared sqlembed.embedding, OUT total bigint, OUT embedded bigint, OUT blank bigint) RETURNS record
    LANGUAGE plpgsql STABLE;

CREATE FUNCTION sqlembed._current(relation regclass, name name, generation text, OUT present sqlembed.embedding, OUT beside sqlembed.embedding) RETURNS record
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._davies_bouldin_sql(rows text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._declared_embedding(embedding integer) RETURNS sqlembed.embedding
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._default_num_clusters(num_rows bigint) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._describe_chunks(declared sqlembed.embedding) RETURNS text
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._describe_embedding(embedding integer, OUT relation regclass, OUT name name, OUT embedder text, OUT read_sources text, OUT write_vectors text, OUT chunking jsonb, OUT read_chunks text, OUT rows_per_second integer) RETURNS record
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._describe_side(declared sqlembed.embedding) RETURNS text
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._distinct_vectors(rows text, at_most integer) RETURNS public.vector[]
    LANGUAGE plpgsql;

CREATE FUNCTION sqlembed._diverse(function_name text, source anyelement, query public.vector, k integer, name name, filter text, mode text, metric text, diversity double precision, excluded tid, excluded_table oid) RETURNS TABLE(base anyelement, distance double precision, chunk text)
    LANGUAGE plpgsql STABLE ROWS 10;

CREATE FUNCTION sqlembed._drift_source(relation regclass, embedding name, baseline_filter text, current_filter text, OUT metric text, OUT baseline_sql text, OUT current_sql text, OUT shift_sql text) RETURNS record
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._drop_beside(relation regclass, embedding name, generation text, timeout interval) RETURNS void
    LANGUAGE plpgsql;

CREATE FUNCTION sqlembed._drop_leftovers() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET lock_timeout TO '200ms';

CREATE FUNCTION sqlembed._drop_note_function(embedding integer) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._drop_triggers(embedding integer, kept name[], members regclass[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._duplicate_pairs(relation regclass, threshold double precision, embedding name, filter text, within text, mode text, is_every_pair boolean) RETURNS TABLE(key_a jsonb, key_b jsonb, similarity double precision)
    LANGUAGE plpgsql STABLE
    SET jit TO 'off'
    SET work_mem TO '64MB';

CREATE FUNCTION sqlembed._embed_changes(embedding integer) RETURNS boolean
    LANGUAGE plpgsql;

CREATE FUNCTION sqlembed._embed_statement() RETURNS trigger
    LANGUAGE plpgsql;

CREATE FUNCTION sqlembed._embedding_of(relation regclass, name name DEFAULT NULL::name) RETURNS sqlembed.embedding
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._empty_column(present sqlembed.embedding, wanted sqlembed.embedding) RETURNS void
    LANGUAGE plpgsql;

CREATE FUNCTION sqlembed._empty_side(relation regclass, side regclass) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._end_lease(lease_id bigint, undone jsonb[]) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off'
    SET lock_timeout TO '0'
    SET enable_hashjoin TO 'on';

CREATE FUNCTION sqlembed._enter_scan(k integer) RETURNS text[]
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._enter_search(path sqlembed.search_path, OUT before text[]) RETURNS text[]
    LANGUAGE plpgsql STABLE;

CREATE FUNCTION sqlembed._epoch_key(worker integer, epoch integer) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._equal_operator(operator_class oid) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._estimate(statement text, query public.vector, after_distance double precision, after_key jsonb, excluded tid, excluded_table oid, OUT rows double precision, OUT cost double precision) RETURNS record
    LANGUAGE plpgsql;

CREATE FUNCTION sqlembed._estimated_rows(relation regclass) RETURNS double precision
    LANGUAGE sql STABLE;

CREATE FUNCTION sqlembed._euclidean_silhouette_sql(rows text, sample_size integer) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._exchange_generations(present sqlembed.embedding, beside sqlembed.embedding) RETURNS void
    LANGUAGE plpgsql;

CREATE FUNCTION sqlembed._exchange_index(present sqlembed.embedding, wanted sqlembed.embedding, index_name name) RETURNS void
    LANGUAGE plpgsql;

CREATE FUNCTION sqlembed._exchange_tables(present regclass, beside regclass, other text) RETURNS void
    LANGUAGE plpgsql;

CREATE FUNCTION sqlembed._explain_dimensions(name text, state text, problem text) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._explain_failure(state text, problem text, pg_hint text, relation regclass, filter text, dimensions integer) RETURNS void
    LANGUAGE plpgsql STABLE;

CREATE FUNCTION sqlembed._explain_use(state text, problem text, pg_hint text, relation regclass, filter text) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._fail_jobs(worker integer, embedding integer, keys jsonb[], errors text[], max_attempts integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._failed_keys(most integer) RETURNS TABLE(embedding integer, relation regclass, keys jsonb[])
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._features(name text, embedding public.vector, numbers double precision[]) RETURNS public.vector
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._features_sql(rows text, dimensions integer, embedding_scale double precision, number_means double precision[], number_scales double precision[]) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._finish_clustering(id bigint, worker integer, error text, labelled bigint, num_clusters integer) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._finish_jobs(worker integer, embedding integer, keys jsonb[]) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off';

CREATE FUNCTION sqlembed._fold_changes(worker integer, embedders text[], most integer[], without integer[], lease interval, OUT taken bigint, OUT embedding integer, OUT revision text, OUT keys jsonb[], OUT lease_id bigint) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off';

CREATE FUNCTION sqlembed._follow_columns() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET lock_timeout TO '200ms';

CREATE FUNCTION sqlembed._follow_families() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET lock_timeout TO '200ms';

CREATE FUNCTION sqlembed._follow_grants() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET lock_timeout TO '200ms';

CREATE FUNCTION sqlembed._forget_failed(embedding integer, keys jsonb[]) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._forget_failures() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._forget_own_changes(embedding integer) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._full_text_sql(config text, source text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._fused_score(vector_place bigint, text_place bigint, text_weight double precision) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (COALESCE(((1)::double precision / ((60 + vector_place))::double precision), (0)::double precision) + COALESCE((text_weight / ((60 + text_place))::double precision), (0)::double precision));

CREATE FUNCTION sqlembed._generation(relation regclass, number smallint) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog';

CREATE FUNCTION sqlembed._grantee(name text) RETURNS regrole
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._has_cluster_column(relation regclass, cluster_column name, types regtype[]) RETURNS boolean
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._has_index(holder regclass, expression text, operator_class text, parameters text[] DEFAULT '{}'::text[], other_than regclass DEFAULT NULL::regclass) RETURNS boolean
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._has_own_changes(embedding integer DEFAULT NULL::integer) RETURNS boolean
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._has_roles() RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._has_vectors(declared sqlembed.embedding) RETURNS boolean
    LANGUAGE plpgsql;

CREATE FUNCTION sqlembed._hash_call(declared sqlembed.embedding, row_name text) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._hash_name(present sqlembed.embedding) RETURNS name
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._hold(relation regclass) RETURNS void
    LANGUAGE plpgsql STABLE;

CREATE FUNCTION sqlembed._holds_clustering(id bigint, worker integer) RETURNS boolean
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._hybrid_search(source anyelement, query text, query_vector public.vector, k integer, embedding name, filter text, text_weight double precision) RETURNS TABLE(base anyelement, distance double precision, score double precision, chunk text)
    LANGUAGE plpgsql STABLE ROWS 10;

CREATE FUNCTION sqlembed._index_centroids(centroids public.vector[], metric text, centroid_ids integer[] DEFAULT NULL::integer[]) RETURNS sqlembed.centroid_index
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._index_name(present sqlembed.embedding, wanted sqlembed.embedding) RETURNS name
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._index_parameters(options jsonb) RETURNS text[]
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._index_sql(name name, holder regclass, vector_column name, index text, options jsonb, storage text, dimensions integer, metric text) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._indexed(index text, options jsonb, storage text, dimensions integer, metric text, vector text, OUT expression text, OUT operator_class text, OUT ordering text) RETURNS record
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._is_alive(worker integer) RETURNS boolean
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._is_current(target sqlembed.search_target, hash text, row_name text) RETURNS text
    LANGUAGE sql IMMUTABLE;

CREATE FUNCTION sqlembed._is_dblink_shared() RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._is_described_sql(declared sqlembed.embedding) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._is_family(relation regclass) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._is_loopback_shared() RETURNS boolean
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._is_only_row(rows bigint, key jsonb) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._is_to_be_made(made name, body text, relation regclass) RETURNS boolean
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._is_unaltered(embedding integer, embedder text, source text, storage text, chunking jsonb) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._is_unaltered_sql(declared sqlembed.embedding) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._is_waiting(relation regclass, since timestamp with time zone) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._keep_cluster() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._keep_members(embedding integer, members regclass[]) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._keep_queued(embedding integer) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._key_names(relation regclass) RETURNS name[]
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._key_sql(relation regclass, prefix text DEFAULT 'r.'::text, length integer DEFAULT NULL::integer, OUT columns name[], OUT expression text, OUT match text) RETURNS record
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._key_text(value anyelement) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET "TimeZone" TO 'UTC'
    SET "DateStyle" TO 'ISO'
    SET "IntervalStyle" TO 'postgres'
    SET bytea_output TO 'hex'
    SET extra_float_digits TO '1';

CREATE FUNCTION sqlembed._kmeans_fit(points public.vector[], num_clusters integer, metric text, max_iterations integer, min_rel_progress double precision, seed integer, previous public.vector[], OUT centroids public.vector[], OUT iterations integer, OUT training_loss double precision[], OUT training_rows bigint[]) RETURNS record
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._kmeans_move(points public.vector[], INOUT centroids public.vector[], metric text, INOUT iterations integer, last_iteration integer, tolerance double precision, seed integer, INOUT gained double precision, OUT loss double precision, OUT losses double precision[]) RETURNS record
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._kmeans_refill(rows text, points public.vector[], centroids public.vector[], means public.vector[], metric text, seed integer) RETURNS public.vector[]
    LANGUAGE plpgsql;

CREATE FUNCTION sqlembed._kmeans_sample(rows text, num_rows bigint, dimensions integer, sample_size integer, seed integer) RETURNS public.vector[]
    LANGUAGE plpgsql;

CREATE FUNCTION sqlembed._kmeans_sample_size(num_clusters integer, dimensions integer) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._kmeans_seed(points public.vector[], num_clusters integer, metric text, seed integer, attempt integer, OUT chosen public.vector[], OUT losses double precision[]) RETURNS record
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._kmeans_seed_in_cells(points public.vector[], num_clusters integer, metric text, seed integer) RETURNS public.vector[]
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._kmeans_settle(rows text, points public.vector[], INOUT centroids public.vector[], metric text, seed integer, INOUT moves integer, OUT cluster_sizes bigint[], OUT cluster_radii double precision[], OUT loss double precision, OUT training_loss double precision[]) RETURNS record
    LANGUAGE plpgsql;

CREATE FUNCTION sqlembed._kmeans_step(rows text, points public.vector[], centroids public.vector[], metric text) RETURNS TABLE(centroid_id integer, mean public.vector, cluster_size bigint, sum_distance double precision, sum_squared_distance double precision)
    LANGUAGE plpgsql;

CREATE FUNCTION sqlembed._label_rows(known sqlembed.clustering) RETURNS void
    LANGUAGE plpgsql
    SET jit TO 'off';

CREATE FUNCTION sqlembed._label_scores(input public.vector, labels text[], label_vectors public.vector[], temperature double precision) RETURNS TABLE(label text, similarity double precision, score double precision)
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._label_texts(labels text[], template text) RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._lacking_grants() RETURNS TABLE(side regclass, reader text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._leave_epoch(worker integer, next integer) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._leave_search(before text[]) RETURNS void
    LANGUAGE plpgsql STABLE;

CREATE FUNCTION sqlembed._lock(what text) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._lock_briefly(holders regclass[], timeout interval) RETURNS void
    LANGUAGE plpgsql;

CREATE FUNCTION sqlembed._lock_embedding(embedding integer) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._loss_at_mean(metric text, cluster_size bigint, sum_distance double precision, sum_squared_distance double precision, centroid public.vector, mean public.vector) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._make_hash_function(declared sqlembed.embedding, replaces boolean DEFAULT false) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._make_kmeans(name text, query text, num_clusters integer, metric text, max_iterations integer, min_rel_progress double precision, seed integer, standardize boolean, weights double precision[], choose_by text, candidates integer[], previous_ids integer[] DEFAULT '{}'::integer[], previous public.vector[] DEFAULT '{}'::public.vector[], owner regrole DEFAULT NULL::regrole) RETURNS sqlembed.fitted_model
    LANGUAGE plpgsql
    SET jit TO 'off'
    SET work_mem TO '64MB';

CREATE FUNCTION sqlembed._make_note_function(embedding integer) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._make_row_functions(embedding integer) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._may_wait(embedding integer, key jsonb) RETURNS boolean
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._members(relation regclass) RETURNS regclass[]
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._metric_operator(metric text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._mmd_test(baseline public.vector[], present public.vector[], permutations integer, seed integer, OUT mmd double precision, OUT p_value double precision) RETURNS record
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off';

CREATE FUNCTION sqlembed._model_index(name text) RETURNS sqlembed.centroid_index
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._model_query(model sqlembed.cluster_model) RETURNS text
    LANGUAGE plpgsql STABLE;

CREATE FUNCTION sqlembed._model_rows(name text, query text) RETURNS text
    LANGUAGE plpgsql STABLE;

CREATE FUNCTION sqlembed._near_pairs(rows text, from_clause text, vector text, key text, filter text, within text, threshold double precision, is_every_pair boolean) RETURNS TABLE(key_a jsonb, key_b jsonb, similarity double precision)
    LANGUAGE plpgsql STABLE
    SET jit TO 'off';

CREATE FUNCTION sqlembed._nearest(function_name text, source anyelement, query public.vector, k integer, name name, filter text, mode text, metric text DEFAULT NULL::text, diversity double precision DEFAULT NULL::double precision, after_distance double precision DEFAULT NULL::double precision, after_key jsonb DEFAULT NULL::jsonb, excluded tid DEFAULT NULL::tid, excluded_table oid DEFAULT NULL::oid) RETURNS TABLE(base anyelement, distance double precision, score double precision, chunk text)
    LANGUAGE sql STABLE ROWS 10;

CREATE FUNCTION sqlembed._nearest_centroid(name text, features public.vector, num_numbers integer DEFAULT 0) RETURNS integer
    LANGUAGE plpgsql STABLE PARALLEL SAFE;

CREATE FUNCTION sqlembed._nearest_in_cells_sql(rows text, metric text, index text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._nearest_sql(rows text, metric text, centroids public.vector[], centroid_ids integer[] DEFAULT NULL::integer[], index text DEFAULT NULL::text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._new_generations() RETURNS SETOF sqlembed.embedding
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._next_epoch(worker integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._note_again(declared sqlembed.embedding, keys jsonb[], hashes bytea[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off'
    SET enable_nestloop TO 'off';

CREATE FUNCTION sqlembed._note_keys(embedding integer, keys jsonb[]) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._note_missing(declared sqlembed.embedding, rows_of text, is_all boolean) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._note_row_sql(embedding integer, old text, new text, on_change text, OUT key text, OUT inserted text, OUT updated text) RETURNS record
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._note_sql(embedding integer, on_change text, OUT probe_inserted text, OUT probe_updated text, OUT inserted text, OUT updated text, OUT key text, OUT source text) RETURNS record
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._num_clusters_range(num_rows bigint) RETURNS integer[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._number_facts(rows text, num_numbers integer, standardize boolean, weights double precision[], OUT embedding_scale double precision, OUT number_means double precision[], OUT number_scales double precision[]) RETURNS record
    LANGUAGE plpgsql;

CREATE FUNCTION sqlembed._open_loopback() RETURNS text
    LANGUAGE plpgsql PARALLEL RESTRICTED
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._own_changes(embedding integer) RETURNS jsonb[]
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._own_index(holder regclass, index_name name) RETURNS regclass
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._pair_rows(from_clause text, vector text, key text, filter text, within text, is_every_pair boolean) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._partition_score(points public.vector[], centroids public.vector[], metric text, choose_by text) RETURNS double precision
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._parts(inputs text[]) RETURNS SETOF text[]
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._pending(relation regclass, OUT rows bigint, OUT served boolean) RETURNS record
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._plan_text(target sqlembed.search_target, query text, filter text, with_distance boolean, OUT statement text, OUT words tsquery[], OUT wanted tsquery, OUT requirement text) RETURNS record
    LANGUAGE plpgsql STABLE;

CREATE FUNCTION sqlembed._plans_safely(relation regclass) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._prefixed_source(relation regclass, expression text, row_name text) RETURNS text
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._prepare_column(relation regclass, name name, embedder text, index text, index_options jsonb, INOUT storage text, OUT dimensions integer) RETURNS record
    LANGUAGE plpgsql;

CREATE FUNCTION sqlembed._prepare_full_text(relation regclass, embedding name, config text, source text) RETURNS name
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._prepare_side(relation regclass, embedding name, is_chunked boolean, OUT side regclass, OUT hash_function name, OUT is_new boolean) RETURNS record
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._present_columns(declared sqlembed.embedding, OUT vector name, OUT source name[]) RETURNS record
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._principal_components(vectors public.vector[], num_components integer, OUT centre public.vector, OUT components public.vector[]) RETURNS record
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off';

CREATE FUNCTION sqlembed._probe_loopback() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._queue_generations() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET lock_timeout TO '200ms';

CREATE FUNCTION sqlembed._raise_briefly(state text, problem text, detail text, hint text) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._read_cache(fingerprint text, kind text, hashes bytea[]) RETURNS TABLE(input_hash bytea, embedding public.vector)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off'
    SET enable_seqscan TO 'off';

CREATE FUNCTION sqlembed._read_changes() RETURNS TABLE(embedding integer, embedder text, fingerprint text, key text, input text, hash bytea)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._read_chunks_sql(declared sqlembed.embedding) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._read_texts(declared sqlembed.embedding, keys jsonb[]) RETURNS TABLE(key jsonb, input text, hash bytea)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off'
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off';

CREATE FUNCTION sqlembed._refit_model(name text, num_clusters integer, max_iterations integer, min_rel_progress double precision) RETURNS sqlembed.fitted_model
    LANGUAGE plpgsql;

CREATE FUNCTION sqlembed._refuse_clustered(relation regclass, vector_column name) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._refuse_clustering(name text, instead text) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._refuse_dropped(declared sqlembed.embedding) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._refuse_hidden(declared sqlembed.embedding) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._refuse_index(relation regclass, name name, embedder text, dimensions integer, storage text, is_present boolean, index text, options jsonb) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._refuse_leftover(found text) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._refuse_recommend() RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._refuse_relation(function_name text, given text) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._refuse_renamed(declared sqlembed.embedding) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._refuse_side(relation regclass, side regclass, embedding name, is_chunked boolean) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._refuse_undeclared(relation regclass, name name) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._refuse_unfilled(present sqlembed.embedding, beside sqlembed.embedding, lag interval) RETURNS void
    LANGUAGE plpgsql;

CREATE FUNCTION sqlembed._refuse_unready(present sqlembed.embedding, beside sqlembed.embedding, lag interval) RETURNS void
    LANGUAGE plpgsql;

CREATE FUNCTION sqlembed._refuse_unsteady(declared sqlembed.embedding) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._refuse_vector_source(relation regclass, embedding name, columns name[]) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._refused_commit() RETURNS text
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._register_name(name text, dimensions integer) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._release_jobs(worker integer, embedding integer, keys jsonb[], delay interval, error text DEFAULT NULL::text) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off';

CREATE FUNCTION sqlembed._remove_dropped() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._remove_vectors(embedding integer, keys jsonb[], at_once integer DEFAULT 10000) RETURNS SETOF jsonb
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._rename_embeddings(embeddings integer[], sources text[]) RETURNS SETOF sqlembed.embedding
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._renamed_columns(declared sqlembed.embedding) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._renamed_embeddings() RETURNS TABLE(declared sqlembed.embedding, vector name, source_columns name[], key_columns name[], key_expression text, is_mixed_up boolean)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._renamed_source(relation regclass, source text, declared name[], present name[]) RETURNS text
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._renew_lease(lease_id bigint, lease interval) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._renew_leases(worker integer, embedding integer, keys jsonb[], lease interval) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off';

CREATE FUNCTION sqlembed._request_timeout() RETURNS interval
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._reserve_model(name text, query text, metric text, seed integer, standardize boolean, weights double precision[], owner regrole) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._rest_embedders(worker integer, embedders text[]) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._rough_index(holder regclass, name name, metric text, vector text, OUT kind text, OUT dimensions integer, OUT ordering text) RETURNS record
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._row_key(relation regclass, key jsonb) RETURNS jsonb
    LANGUAGE plpgsql STABLE;

CREATE FUNCTION sqlembed._row_source(relation regclass, expression text, row_name text) RETURNS text
    LANGUAGE plpgsql;

CREATE FUNCTION sqlembed._sampled_sql(rows text, sample_size integer) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._search_conditions(target sqlembed.search_target, filter text, after_distance double precision, after_key jsonb, excluded tid) RETURNS text
    LANGUAGE sql STABLE;

CREATE FUNCTION sqlembed._search_path(target sqlembed.search_target, query public.vector, k integer, mode text, conditions text, after_distance double precision, after_key jsonb, excluded tid, excluded_table oid) RETURNS sqlembed.search_path
    LANGUAGE plpgsql STABLE;

CREATE FUNCTION sqlembed._search_remarks(target sqlembed.search_target) RETURNS text[]
    LANGUAGE plpgsql STABLE;

CREATE FUNCTION sqlembed._search_statement(target sqlembed.search_target, conditions text, attempt integer, path sqlembed.search_path, with_vectors boolean DEFAULT false, later text DEFAULT ''::text) RETURNS text
    LANGUAGE plpgsql STABLE;

CREATE FUNCTION sqlembed._search_target(function_name text, source anyelement, name name, metric text, holds boolean DEFAULT true) RETURNS sqlembed.search_target
    LANGUAGE plpgsql STABLE;

CREATE FUNCTION sqlembed._sees_all_rows(relation regclass) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._share_side(relation regclass, side regclass) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._side_key_lists(relation regclass, side regclass, OUT locked text, OUT made text, OUT written text, OUT match text) RETURNS record
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._side_keys(relation regclass, side regclass) RETURNS TABLE("position" integer, column_name name, side_name name, operator text)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._side_match(relation regclass, side regclass, row_name text, side_name text) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._side_name(wanted text) RETURNS name
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._side_note_body(embedding integer, key text, source text) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._side_readers(relation regclass, side regclass) RETURNS SETOF text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._side_source(declared sqlembed.embedding, row_name name, OUT from_clause text, OUT vector text, OUT chunk text, OUT hash text, OUT hash_function text) RETURNS record
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._spread(inputs text[], known text[], vectors public.vector[]) RETURNS public.vector[]
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off'
    SET enable_nestloop TO 'off';

CREATE FUNCTION sqlembed._start_worker(name text, embedders text[], clusterings text[] DEFAULT '{}'::text[]) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._stayed_ids(points public.vector[], metric text, centroids public.vector[], previous public.vector[], previous_ids integer[]) RETURNS integer[]
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._stop_worker(worker integer) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._sweep(cache_bytes bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off';

CREATE FUNCTION sqlembed._take_place(relation regclass, embedding name, generation text, lag interval, timeout interval) RETURNS void
    LANGUAGE plpgsql;

CREATE FUNCTION sqlembed._take_requests(worker integer, most integer) RETURNS TABLE(id bigint, embedder text, kind text, inputs text[])
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._taste(liked public.vector[], disliked public.vector[], metric text, disliked_weight double precision) RETURNS public.vector
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._text_distance(target sqlembed.search_target, place_in text) RETURNS text
    LANGUAGE sql STABLE;

CREATE FUNCTION sqlembed._text_query(config regconfig, query text, OUT words tsquery[], OUT required tsquery, OUT wanted tsquery) RETURNS record
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._text_rows(source anyelement, statement text, wanted tsquery, words tsquery[], k integer, query_vector public.vector, relation regclass, filter text) RETURNS TABLE(base anyelement, distance double precision, chunk text, score double precision)
    LANGUAGE plpgsql STABLE ROWS 10
    SET jit TO 'off';

CREATE FUNCTION sqlembed._text_search(source anyelement, query text, k integer, target sqlembed.search_target, filter text) RETURNS TABLE(base anyelement, score double precision)
    LANGUAGE plpgsql STABLE ROWS 10;

CREATE FUNCTION sqlembed._text_search_config(config regconfig) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._text_statement(target sqlembed.search_target, document text, is_stored boolean, filter text, words integer, with_distance boolean) RETURNS text
    LANGUAGE plpgsql STABLE;

CREATE FUNCTION sqlembed._ticket(embedder text, kind text, inputs text[]) RETURNS bytea
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._trim_cache(most bigint) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._unattached(declared sqlembed.embedding, OUT member regclass, OUT state text) RETURNS SETOF record
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._uniform(key text, seed bigint) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION sqlembed._unqualified(expression text, relation name, columns name[]) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._unsteady_part(tree text) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._vector_column(relation regclass, name name) RETURNS name
    LANGUAGE plpgsql STABLE;

CREATE FUNCTION sqlembed._vector_name(declared sqlembed.embedding) RETURNS name
    LANGUAGE sql STABLE;

CREATE FUNCTION sqlembed._vector_of_row(target sqlembed.search_target, key jsonb, OUT vector public.vector, OUT place tid, OUT place_table oid) RETURNS record
    LANGUAGE plpgsql STABLE;

CREATE FUNCTION sqlembed._vector_rows(from_clause text, vector text, key text, filter text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._vector_sample(rows text, metric text, num_rows integer, seed integer, OUT vectors public.vector[]) RETURNS public.vector[]
    LANGUAGE plpgsql STABLE;

CREATE FUNCTION sqlembed._vector_source(relation regclass, embedding name, wanted_metric text, row_name name, OUT from_clause text, OUT vector text, OUT key text, OUT embedder text, OUT metric text, OUT is_indexed boolean) RETURNS record
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._vector_test(declared sqlembed.embedding, row_name text) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._vectors_of(relation regclass, embedding name, keys jsonb[]) RETURNS public.vector[]
    LANGUAGE plpgsql STABLE;

CREATE FUNCTION sqlembed._view_definition(view oid) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog';

CREATE FUNCTION sqlembed._wanted_dimensions(embedder text, dimensions integer) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._wanted_generation(present sqlembed.embedding, embedder text, source text, metric text, index text, index_options jsonb, chunking jsonb, generation text) RETURNS sqlembed.embedding
    LANGUAGE plpgsql;

CREATE FUNCTION sqlembed._wanted_triggers(declared sqlembed.embedding, OUT name name, OUT definition text, OUT function name, OUT fires "char", OUT is_row boolean) RETURNS SETOF record
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._word_score(weight double precision, frequency real, relative_length double precision) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (((weight * frequency) * (2.2)::double precision) / (frequency + ((1.2)::double precision * ((0.25)::double precision + ((0.75)::double precision * relative_length)))));

CREATE FUNCTION sqlembed._word_types(config regconfig) RETURNS integer[]
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._word_weight(matching bigint, holding bigint) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ln(((1)::double precision + (((((2 * matching) - holding))::double precision + (0.5)::double precision) / (((holding)::numeric + 0.5))::double precision)));

CREATE FUNCTION sqlembed._write_cache(fingerprint text, kind text, hashes bytea[], vectors public.vector[], age interval DEFAULT '00:00:00'::interval) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed._write_numbers(embedding integer, keys text[], hashes bytea[], numbers real[]) RETURNS boolean
    LANGUAGE plpgsql;

CREATE FUNCTION sqlembed._write_vectors(declared sqlembed.embedding, keys jsonb[], hashes bytea[], vectors public.vector[]) RETURNS boolean
    LANGUAGE plpgsql;

CREATE FUNCTION sqlembed.abandon_generation(relation regclass, embedding name DEFAULT NULL::name, timeout interval DEFAULT '00:00:30'::interval) RETURNS void
    LANGUAGE sql;

CREATE FUNCTION sqlembed.alter_embedding(relation regclass, embedding name DEFAULT 'embedding'::name, embedder text DEFAULT NULL::text, dimensions integer DEFAULT NULL::integer, source text DEFAULT NULL::text, timing text DEFAULT NULL::text, on_change text DEFAULT NULL::text, metric text DEFAULT NULL::text, storage text DEFAULT NULL::text, index text DEFAULT NULL::text, index_options jsonb DEFAULT NULL::jsonb, index_name name DEFAULT NULL::name, full_text text DEFAULT NULL::text, chunking jsonb DEFAULT NULL::jsonb) RETURNS bigint
    LANGUAGE plpgsql;

CREATE FUNCTION sqlembed.assign(name text, query text) RETURNS TABLE(id text, centroid_id integer)
    LANGUAGE plpgsql STABLE
    SET jit TO 'off';

CREATE FUNCTION sqlembed.centroids(name text) RETURNS TABLE(centroid_id integer, centroid public.vector, cluster_size bigint, cluster_radius double precision, numbers double precision[])
    LANGUAGE plpgsql STABLE ROWS 20 PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed.classify(embedder text, input text, labels text[], template text DEFAULT '{}'::text, temperature double precision DEFAULT 0.05) RETURNS TABLE(label text, similarity double precision, score double precision)
    LANGUAGE plpgsql STABLE ROWS 10 PARALLEL RESTRICTED;

CREATE FUNCTION sqlembed.classify(embedder text, input public.vector, labels text[], template text DEFAULT '{}'::text, temperature double precision DEFAULT 0.05) RETURNS TABLE(label text, similarity double precision, score double precision)
    LANGUAGE plpgsql STABLE ROWS 10 PARALLEL RESTRICTED;

CREATE FUNCTION sqlembed.clear_cache(embedder text DEFAULT NULL::text) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed.cluster_examples(name text, query text, examples integer DEFAULT 3) RETURNS TABLE(centroid_id integer, id text, distance double precision)
    LANGUAGE plpgsql STABLE
    SET jit TO 'off';

CREATE FUNCTION sqlembed.cluster_terms(name text, query text, terms integer DEFAULT 5, config regconfig DEFAULT NULL::regconfig) RETURNS TABLE(centroid_id integer, term text, weight double precision)
    LANGUAGE plpgsql STABLE
    SET jit TO 'off';

CREATE FUNCTION sqlembed.create_clustering(relation regclass, name text, embedding name DEFAULT NULL::name, cluster_column name DEFAULT 'cluster'::name, num_clusters integer DEFAULT NULL::integer, metric text DEFAULT NULL::text, seed integer DEFAULT 0, choose_by text DEFAULT 'silhouette'::text) RETURNS sqlembed.fitted_model
    LANGUAGE plpgsql;

CREATE FUNCTION sqlembed.create_clusters(relation regclass, method text DEFAULT 'hdbscan'::text, label_column name DEFAULT 'cluster'::name, embedding name DEFAULT NULL::name, parameters jsonb DEFAULT '{}'::jsonb) RETURNS void
    LANGUAGE plpgsql;

CREATE FUNCTION sqlembed.create_embedding(relation regclass, embedder text, source text, embedding name DEFAULT 'embedding'::name, timing text DEFAULT 'async'::text, on_change text DEFAULT 'hide'::text, metric text DEFAULT 'cosine'::text, storage text DEFAULT NULL::text, index text DEFAULT 'hnsw'::text, place text DEFAULT 'row'::text, chunking jsonb DEFAULT NULL::jsonb, adopt text DEFAULT 'keep'::text, if_not_exists boolean DEFAULT false, full_text regconfig DEFAULT NULL::regconfig, index_options jsonb DEFAULT NULL::jsonb, dimensions integer DEFAULT NULL::integer) RETURNS bigint
    LANGUAGE plpgsql;

CREATE FUNCTION sqlembed.create_generation(relation regclass, embedder text DEFAULT NULL::text, embedding name DEFAULT NULL::name, source text DEFAULT NULL::text, dimensions integer DEFAULT NULL::integer, metric text DEFAULT NULL::text, storage text DEFAULT NULL::text, index text DEFAULT NULL::text, index_options jsonb DEFAULT NULL::jsonb, chunking jsonb DEFAULT NULL::jsonb, rows_per_second integer DEFAULT NULL::integer, generation text DEFAULT 'next'::text, timeout interval DEFAULT '00:00:30'::interval) RETURNS void
    LANGUAGE plpgsql;

CREATE FUNCTION sqlembed.create_kmeans(name text, query text, num_clusters integer DEFAULT NULL::integer, metric text DEFAULT 'cosine'::text, max_iterations integer DEFAULT 20, min_rel_progress double precision DEFAULT 0.01, seed integer DEFAULT 0, standardize boolean DEFAULT true, weights double precision[] DEFAULT NULL::double precision[], choose_by text DEFAULT 'silhouette'::text, candidates integer[] DEFAULT NULL::integer[]) RETURNS sqlembed.fitted_model
    LANGUAGE sql;

CREATE FUNCTION sqlembed.detect_anomalies(name text, query text DEFAULT NULL::text, contamination double precision DEFAULT 0.02) RETURNS TABLE(id text, is_anomaly boolean, normalized_distance double precision, centroid_id integer)
    LANGUAGE plpgsql STABLE
    SET jit TO 'off';

CREATE FUNCTION sqlembed.distance(a public.halfvec, b public.halfvec, metric text DEFAULT 'cosine'::text) RETURNS double precision
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION sqlembed.distance(a public.vector, b public.vector, metric text DEFAULT 'cosine'::text) RETURNS double precision
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION sqlembed.drift(relation regclass, baseline_filter text, current_filter text, embedding name DEFAULT NULL::name, sample_size integer DEFAULT 250, permutations integer DEFAULT 500, seed integer DEFAULT 0) RETURNS TABLE(baseline_rows bigint, current_rows bigint, centroid_shift double precision, mmd double precision, p_value double precision)
    LANGUAGE plpgsql STABLE ROWS 1;

CREATE FUNCTION sqlembed.drift_rows(relation regclass, baseline_filter text, current_filter text, k integer DEFAULT 10, embedding name DEFAULT NULL::name) RETURNS TABLE(key jsonb, shift double precision)
    LANGUAGE plpgsql STABLE;

CREATE FUNCTION sqlembed.drop_clustering(name text, keep_column boolean DEFAULT true) RETURNS void
    LANGUAGE plpgsql;

CREATE FUNCTION sqlembed.drop_embedding(relation regclass, embedding name DEFAULT 'embedding'::name, keep_column boolean DEFAULT true) RETURNS void
    LANGUAGE plpgsql;

CREATE FUNCTION sqlembed.drop_generation(relation regclass, embedding name DEFAULT NULL::name, timeout interval DEFAULT '00:00:30'::interval) RETURNS void
    LANGUAGE sql;

CREATE FUNCTION sqlembed.drop_model(name text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed.duplicate_pairs(relation regclass, threshold double precision DEFAULT 0.95, embedding name DEFAULT NULL::name, filter text DEFAULT NULL::text, within text DEFAULT NULL::text, mode text DEFAULT 'vector'::text) RETURNS TABLE(key_a jsonb, key_b jsonb, similarity double precision)
    LANGUAGE plpgsql STABLE;

CREATE FUNCTION sqlembed.duplicates(relation regclass, threshold double precision DEFAULT 0.95, embedding name DEFAULT NULL::name, filter text DEFAULT NULL::text, within text DEFAULT NULL::text, mode text DEFAULT 'vector'::text) RETURNS TABLE(group_id bigint, key jsonb, is_representative boolean, similarity double precision, group_size bigint)
    LANGUAGE plpgsql STABLE
    SET jit TO 'off';

CREATE FUNCTION sqlembed.embed(embedder text, inputs text[]) RETURNS public.vector[]
    LANGUAGE sql STABLE PARALLEL RESTRICTED;

CREATE FUNCTION sqlembed.embed(embedder text, input text) RETURNS public.vector
    LANGUAGE sql STABLE PARALLEL RESTRICTED;

CREATE FUNCTION sqlembed.embed_given(embedder text, input text, given public.vector, fingerprint text) RETURNS public.vector
    LANGUAGE plpgsql STABLE PARALLEL RESTRICTED;

CREATE FUNCTION sqlembed.evaluate(name text, query text DEFAULT NULL::text, sample_size integer DEFAULT 2000, OUT davies_bouldin_index double precision, OUT mean_squared_distance double precision, OUT silhouette double precision) RETURNS record
    LANGUAGE plpgsql STABLE
    SET jit TO 'off'
    SET work_mem TO '64MB';

CREATE FUNCTION sqlembed.explain_search(relation anyelement, query text, k integer DEFAULT 10, embedding name DEFAULT NULL::name, filter text DEFAULT NULL::text, mode text DEFAULT 'vector'::text, OUT path text, OUT reason text, OUT index_name text, OUT rows_found bigint, OUT rows_visited bigint, OUT total_rows bigint, OUT matching_rows bigint, OUT selectivity double precision, OUT ef_search integer, OUT iterative_scan text, OUT max_scan_tuples integer, OUT milliseconds double precision, OUT remarks text[]) RETURNS record
    LANGUAGE plpgsql;

CREATE FUNCTION sqlembed.explain_search(relation anyelement, query public.vector, k integer DEFAULT 10, embedding name DEFAULT NULL::name, filter text DEFAULT NULL::text, mode text DEFAULT 'vector'::text, metric text DEFAULT NULL::text, OUT path text, OUT reason text, OUT index_name text, OUT rows_found bigint, OUT rows_visited bigint, OUT total_rows bigint, OUT matching_rows bigint, OUT selectivity double precision, OUT ef_search integer, OUT iterative_scan text, OUT max_scan_tuples integer, OUT milliseconds double precision, OUT remarks text[]) RETURNS record
    LANGUAGE plpgsql;

CREATE FUNCTION sqlembed.generation_index(relation regclass, embedding name DEFAULT NULL::name) RETURNS text
    LANGUAGE plpgsql STABLE;

CREATE FUNCTION sqlembed.grant_embedder(embedder text, grantee text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed.nearest_centroids(name text, embedding public.halfvec, k integer DEFAULT 5, numbers double precision[] DEFAULT '{}'::double precision[]) RETURNS TABLE(centroid_id integer, distance double precision)
    LANGUAGE sql STABLE STRICT ROWS 5 PARALLEL SAFE;

CREATE FUNCTION sqlembed.nearest_centroids(name text, embedding public.vector, k integer DEFAULT 5, numbers double precision[] DEFAULT '{}'::double precision[]) RETURNS TABLE(centroid_id integer, distance double precision)
    LANGUAGE plpgsql STABLE STRICT ROWS 5 PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed.nearest_label(relation regclass, input text, label_column name, k integer DEFAULT 10, embedding name DEFAULT NULL::name, filter text DEFAULT NULL::text, mode text DEFAULT 'vector'::text) RETURNS TABLE(label text, confidence double precision, neighbours bigint, distance double precision)
    LANGUAGE plpgsql STABLE ROWS 1 PARALLEL RESTRICTED;

CREATE FUNCTION sqlembed.nearest_label(relation regclass, input public.vector, label_column name, k integer DEFAULT 10, embedding name DEFAULT NULL::name, filter text DEFAULT NULL::text, mode text DEFAULT 'vector'::text) RETURNS TABLE(label text, confidence double precision, neighbours bigint, distance double precision)
    LANGUAGE plpgsql STABLE ROWS 1;

CREATE FUNCTION sqlembed.outliers(relation regclass, k integer DEFAULT 10, embedding name DEFAULT NULL::name, filter text DEFAULT NULL::text, baseline text DEFAULT NULL::text, mode text DEFAULT 'vector'::text) RETURNS TABLE(key jsonb, score double precision, centroid_distance double precision, neighbour_distance double precision)
    LANGUAGE plpgsql STABLE
    SET jit TO 'off'
    SET work_mem TO '64MB';

CREATE FUNCTION sqlembed.predict(name text, embedding public.halfvec, numbers double precision[] DEFAULT '{}'::double precision[]) RETURNS integer
    LANGUAGE sql STABLE STRICT PARALLEL SAFE;

CREATE FUNCTION sqlembed.predict(name text, embedding public.vector, numbers double precision[] DEFAULT '{}'::double precision[]) RETURNS integer
    LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE;

CREATE FUNCTION sqlembed.project(relation regclass, dimensions integer DEFAULT 2, embedding name DEFAULT NULL::name, filter text DEFAULT NULL::text, sample_size integer DEFAULT 1000, seed integer DEFAULT 0) RETURNS TABLE(key jsonb, coordinates double precision[])
    LANGUAGE plpgsql STABLE;

CREATE FUNCTION sqlembed.recall(relation regclass, embedding name DEFAULT NULL::name, k integer DEFAULT 10, queries integer DEFAULT 100) RETURNS double precision
    LANGUAGE plpgsql;

CREATE FUNCTION sqlembed.recommend(relation anyelement, liked jsonb[], disliked jsonb[] DEFAULT '{}'::jsonb[], k integer DEFAULT 10, embedding name DEFAULT NULL::name, filter text DEFAULT NULL::text, mode text DEFAULT 'vector'::text, disliked_weight double precision DEFAULT 0.5) RETURNS TABLE(base anyelement, distance double precision)
    LANGUAGE plpgsql STABLE ROWS 10;

CREATE FUNCTION sqlembed.recommend(relation text, liked jsonb[], disliked jsonb[] DEFAULT '{}'::jsonb[], k integer DEFAULT 10, embedding name DEFAULT NULL::name, filter text DEFAULT NULL::text, mode text DEFAULT 'vector'::text, disliked_weight double precision DEFAULT 0.5) RETURNS TABLE(base text, distance double precision)
    LANGUAGE plpgsql IMMUTABLE;

CREATE FUNCTION sqlembed.refit_clustering(name text, num_clusters integer DEFAULT NULL::integer) RETURNS sqlembed.fitted_model
    LANGUAGE plpgsql;

CREATE FUNCTION sqlembed.refit_kmeans(name text, num_clusters integer DEFAULT NULL::integer, max_iterations integer DEFAULT 20, min_rel_progress double precision DEFAULT 0.01) RETURNS sqlembed.fitted_model
    LANGUAGE plpgsql;

CREATE FUNCTION sqlembed.refresh_embedding(relation regclass, embedding name DEFAULT NULL::name, filter text DEFAULT NULL::text) RETURNS bigint
    LANGUAGE plpgsql;

CREATE FUNCTION sqlembed.register_embedder(name text, dimensions integer, fingerprint text DEFAULT NULL::text, runtime text DEFAULT 'python'::text, is_asymmetric boolean DEFAULT false) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed.retry_failed(relation regclass, embedding name DEFAULT NULL::name) RETURNS bigint
    LANGUAGE plpgsql;

CREATE FUNCTION sqlembed.revoke_embedder(embedder text, grantee text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed.rollback_generation(relation regclass, embedding name DEFAULT NULL::name, lag interval DEFAULT '00:00:10'::interval, timeout interval DEFAULT '00:00:30'::interval) RETURNS void
    LANGUAGE sql;

CREATE FUNCTION sqlembed.row_status(relation regclass, key jsonb, embedding name DEFAULT NULL::name) RETURNS SETOF sqlembed.row_state
    LANGUAGE plpgsql;

CREATE FUNCTION sqlembed.search(relation anyelement, query text, k integer DEFAULT 10, embedding name DEFAULT NULL::name, filter text DEFAULT NULL::text, mode text DEFAULT 'vector'::text, text_weight double precision DEFAULT 1, diversity double precision DEFAULT NULL::double precision, after_distance double precision DEFAULT NULL::double precision, after_key jsonb DEFAULT NULL::jsonb) RETURNS TABLE(base anyelement, distance double precision, score double precision, chunk text)
    LANGUAGE plpgsql STABLE ROWS 10;

CREATE FUNCTION sqlembed.search(relation text, query text, k integer DEFAULT 10, embedding name DEFAULT NULL::name, filter text DEFAULT NULL::text, mode text DEFAULT 'vector'::text, text_weight double precision DEFAULT 1, diversity double precision DEFAULT NULL::double precision, after_distance double precision DEFAULT NULL::double precision, after_key jsonb DEFAULT NULL::jsonb) RETURNS TABLE(base text, distance double precision, score double precision, chunk text)
    LANGUAGE plpgsql IMMUTABLE;

CREATE FUNCTION sqlembed."similar"(relation anyelement, key jsonb, k integer DEFAULT 10, embedding name DEFAULT NULL::name, filter text DEFAULT NULL::text, mode text DEFAULT 'vector'::text, diversity double precision DEFAULT NULL::double precision, after_distance double precision DEFAULT NULL::double precision, after_key jsonb DEFAULT NULL::jsonb) RETURNS TABLE(base anyelement, distance double precision, score double precision, chunk text)
    LANGUAGE plpgsql STABLE ROWS 10;

CREATE FUNCTION sqlembed.similarity(embedder text, a text, b text) RETURNS double precision
    LANGUAGE plpgsql STABLE PARALLEL RESTRICTED;

CREATE FUNCTION sqlembed.switch_generation(relation regclass, embedding name DEFAULT NULL::name, lag interval DEFAULT '00:00:10'::interval, timeout interval DEFAULT '00:00:30'::interval) RETURNS void
    LANGUAGE sql;

CREATE FUNCTION sqlembed.training_info(name text) RETURNS TABLE(iteration integer, loss double precision, num_rows bigint)
    LANGUAGE plpgsql STABLE ROWS 20 PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed.vector_search(relation anyelement, query public.vector, k integer DEFAULT 10, embedding name DEFAULT NULL::name, filter text DEFAULT NULL::text, mode text DEFAULT 'vector'::text, metric text DEFAULT NULL::text, diversity double precision DEFAULT NULL::double precision, after_distance double precision DEFAULT NULL::double precision, after_key jsonb DEFAULT NULL::jsonb) RETURNS TABLE(base anyelement, distance double precision, score double precision, chunk text)
    LANGUAGE sql STABLE ROWS 10;

CREATE FUNCTION sqlembed.vector_search(relation text, query public.vector, k integer DEFAULT 10, embedding name DEFAULT NULL::name, filter text DEFAULT NULL::text, mode text DEFAULT 'vector'::text, metric text DEFAULT NULL::text, diversity double precision DEFAULT NULL::double precision, after_distance double precision DEFAULT NULL::double precision, after_key jsonb DEFAULT NULL::jsonb) RETURNS TABLE(base text, distance double precision, score double precision, chunk text)
    LANGUAGE plpgsql IMMUTABLE;

CREATE PROCEDURE sqlembed.wait_until_clustered(IN relation regclass, IN label_column name DEFAULT 'cluster'::name, IN timeout interval DEFAULT '00:10:00'::interval)
    LANGUAGE plpgsql;

CREATE PROCEDURE sqlembed.wait_until_embedded(IN relation regclass, IN timeout interval DEFAULT '00:01:00'::interval)
    LANGUAGE plpgsql;

CREATE FUNCTION sqlembed_wire.ask_again(id bigint, ticket bytea) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE FUNCTION sqlembed_wire.peek(id bigint, ticket bytea, OUT done boolean, OUT result public.vector[], OUT error text, OUT epoch_key integer) RETURNS record
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE PROCEDURE sqlembed_wire.request(IN embedder text, IN kind text, IN inputs text[], IN ticket bytea, IN slice_ms integer, INOUT id bigint DEFAULT NULL::bigint, INOUT done boolean DEFAULT false, INOUT result public.vector[] DEFAULT NULL::public.vector[])
    LANGUAGE plpgsql;

CREATE FUNCTION sqlembed_wire.submit(embedder text, kind text, inputs text[], ticket bytea, OUT id bigint, OUT result public.vector[]) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp';

CREATE TABLE sqlembed.change (
    id bigint NOT NULL,
    embedding integer NOT NULL,
    key jsonb NOT NULL,
    changed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    transaction xid8,
    CONSTRAINT change_key_check CHECK ((jsonb_typeof(key) = 'array'::text))
);

CREATE TABLE sqlembed.job (
    embedding integer NOT NULL,
    key jsonb NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    changed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    not_before timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    locked_until timestamp with time zone,
    worker integer,
    error text
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_threshold='1000');

CREATE TABLE sqlembed.lease (
    id bigint NOT NULL,
    worker integer NOT NULL,
    embedding integer NOT NULL,
    keys jsonb[] NOT NULL,
    changed_at timestamp with time zone[] NOT NULL,
    locked_until timestamp with time zone NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_threshold='1000');

CREATE VIEW sqlembed._queued AS
 SELECT c.embedding,
    c.key,
    c.changed_at
   FROM sqlembed.change c
UNION ALL
 SELECT j.embedding,
    j.key,
    j.changed_at
   FROM sqlembed.job j
UNION ALL
 SELECT l.embedding,
    k.key,
    k.changed_at
   FROM (sqlembed.lease l
     CROSS JOIN LATERAL UNNEST(l.keys, l.changed_at) k(key, changed_at));

CREATE TABLE sqlembed.failed_job (
    embedding integer NOT NULL,
    key jsonb NOT NULL,
    attempts integer NOT NULL,
    error text NOT NULL,
    failed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

CREATE VIEW sqlembed._row_work WITH (security_barrier='true') AS
 SELECT w.is_waiting,
    (f.embedding IS NOT NULL) AS is_failed,
    COALESCE(j.attempts, f.attempts, 0) AS attempts,
        CASE
            WHEN t.is_readable THEN COALESCE(j.error,
            CASE
                WHEN (NOT w.is_waiting) THEN f.error
                ELSE NULL::text
            END)
            ELSE NULL::text
        END AS error,
    w.changed_at,
        CASE
            WHEN (j.error IS NOT NULL) THEN j.not_before
            ELSE NULL::timestamp with time zone
        END AS retry_at
   FROM (((((sqlembed.embedding e
     CROSS JOIN LATERAL ( SELECT sqlembed._row_key(e.relation, (NULLIF(current_setting('sqlembed.row_key'::text, true), ''::text))::jsonb) AS key) k)
     LEFT JOIN sqlembed.job j ON (((j.embedding = e.id) AND (j.key = k.key))))
     LEFT JOIN sqlembed.failed_job f ON (((f.embedding = e.id) AND (md5((f.key)::text) = md5((k.key)::text)))))
     CROSS JOIN LATERAL ( SELECT min(q.changed_at) AS changed_at,
            (count(*) > 0) AS is_waiting
           FROM sqlembed._queued q
          WHERE ((q.embedding = e.id) AND (q.key = k.key))) w)
     CROSS JOIN LATERAL ( SELECT COALESCE(bool_and(has_column_privilege((e.relation)::oid, (c.name)::text, 'select'::text)), false) AS is_readable
           FROM (sqlembed._present_columns(e.*) p(vector, source)
             CROSS JOIN LATERAL unnest(p.source) c(name))
          WHERE (c.name IS NOT NULL)) t)
  WHERE ((e.id = (NULLIF(current_setting('sqlembed.row_embedding'::text, true), ''::text))::integer) AND (k.key IS NOT NULL));

CREATE VIEW sqlembed._waiting WITH (security_barrier='true') AS
 SELECT e.relation,
    e.id AS embedding,
    e.embedder,
    e.generation,
    w.key,
    w.changed_at
   FROM ((sqlembed.embedding e
     CROSS JOIN LATERAL ( SELECT sqlembed._sees_all_rows(e.relation) AS all_rows) s)
     CROSS JOIN LATERAL ( SELECT q.key,
            q.changed_at
           FROM sqlembed._queued q
          WHERE ((q.embedding = e.id) AND s.all_rows)
        UNION ALL
         SELECT NULL::jsonb AS jsonb,
            o.changed_at
           FROM ( SELECT min(q.changed_at) AS changed_at
                   FROM sqlembed._queued q
                  WHERE (q.embedding = e.id)) o
          WHERE ((NOT s.all_rows) AND (o.changed_at IS NOT NULL))) w)
  WHERE has_table_privilege((e.relation)::oid, 'select'::text);

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

CREATE VIEW sqlembed.cache_use AS
 SELECT m.name AS embedder,
    u.fingerprint,
    u.kind,
    u.vectors,
    (u.vectors * ((one.bytes + octet_length(u.fingerprint)) + 100)) AS bytes,
    u.oldest_use,
    u.newest_use
   FROM ((( SELECT c.fingerprint,
            c.kind,
            count(*) AS vectors,
            min(c.used_at) AS oldest_use,
            max(c.used_at) AS newest_use
           FROM sqlembed.cache c
          GROUP BY c.fingerprint, c.kind) u
     CROSS JOIN LATERAL ( SELECT ((4 * public.vector_dims(c.embedding)) + 8) AS bytes
           FROM sqlembed.cache c
          WHERE ((c.fingerprint = u.fingerprint) AND (c.kind = u.kind))
         LIMIT 1) one)
     LEFT JOIN LATERAL ( SELECT string_agg(e.name, ', '::text ORDER BY e.name) AS name
           FROM sqlembed.embedder e
          WHERE (e.fingerprint = u.fingerprint)) m ON (true));

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
    cluster_radius double precision,
    cell integer DEFAULT 1 NOT NULL
)
WITH (toast_tuple_target='8160');

CREATE TABLE sqlembed.cluster_job (
    id bigint NOT NULL,
    relation regclass NOT NULL,
    label_column name NOT NULL,
    embedding name NOT NULL,
    method text NOT NULL,
    parameters jsonb NOT NULL,
    asked_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    worker integer,
    attempts integer DEFAULT 0 NOT NULL,
    finished_at timestamp with time zone,
    labelled bigint,
    num_clusters integer,
    error text,
    CONSTRAINT cluster_job_method_check CHECK (((length(method) >= 1) AND (length(method) <= 200))),
    CONSTRAINT cluster_job_parameters_check CHECK ((jsonb_typeof(parameters) = 'object'::text))
);

ALTER TABLE sqlembed.cluster_job ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME sqlembed.cluster_job_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE VIEW sqlembed.cluster_run WITH (security_barrier='true') AS
 SELECT relation,
    label_column,
    method,
    parameters,
        CASE
            WHEN (error IS NOT NULL) THEN 'failed'::text
            WHEN (finished_at IS NOT NULL) THEN 'done'::text
            WHEN sqlembed._is_alive(worker) THEN 'running'::text
            ELSE 'waiting'::text
        END AS state,
    labelled,
    num_clusters,
    error,
    asked_at,
    finished_at
   FROM sqlembed.cluster_job c
  WHERE (sqlembed._sees_all_rows(relation) AND (NOT (EXISTS ( SELECT
           FROM sqlembed.cluster_job n
          WHERE (((n.relation)::oid = (c.relation)::oid) AND (n.label_column = c.label_column) AND (n.id > c.id))))));

ALTER TABLE sqlembed.clustering ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME sqlembed.clustering_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE VIEW sqlembed.clustering_status WITH (security_barrier='true', security_invoker='true') AS
 SELECT c.name,
    c.relation,
    f.embedding,
    f.cluster_column,
    m.num_clusters,
    m.created_at AS fitted_at,
    m.training_rows[cardinality(m.training_rows)] AS fitted_rows,
    f.total,
    f.embedded,
    f.assigned,
    f.size_shift,
    f.distance_growth
   FROM ((sqlembed.clustering c
     JOIN sqlembed.cluster_model m ON ((m.name = c.name)))
     CROSS JOIN LATERAL sqlembed._clustering_facts(c.*) f(embedding, cluster_column, total, embedded, assigned, size_shift, distance_growth))
  WHERE (EXISTS ( SELECT
           FROM pg_class r
          WHERE (r.oid = (c.relation)::oid)));

CREATE TABLE sqlembed.embedder_key (
    embedder text NOT NULL,
    key bytea NOT NULL,
    grantees regrole[] DEFAULT '{}'::regrole[] NOT NULL
);

ALTER TABLE sqlembed.embedding ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME sqlembed.embedding_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE VIEW sqlembed.failure WITH (security_barrier='true') AS
 SELECT e.relation,
    e.name AS embedding,
    f.key,
    f.attempts,
    f.error,
    f.failed_at
   FROM (sqlembed.failed_job f
     JOIN sqlembed.embedding e ON ((e.id = f.embedding)))
  WHERE sqlembed._sees_all_rows(e.relation);

CREATE VIEW sqlembed.generation WITH (security_barrier='true') AS
 SELECT e.relation,
    COALESCE(c.name, e.name) AS embedding,
    e.generation,
        CASE
            WHEN (e.side IS NULL) THEN format('%s.%I'::text, e.relation, e.name)
            ELSE (e.side)::text
        END AS place,
    e.embedder,
    e.dimensions,
    e.declared_source AS source,
    e.index,
    e.rows_per_second,
    e.created_at
   FROM (sqlembed.embedding e
     LEFT JOIN sqlembed.embedding c ON ((c.id = e.generation_of)))
  WHERE has_table_privilege((e.relation)::oid, 'select'::text);

ALTER TABLE sqlembed.lease ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME sqlembed.lease_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

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
ALTER TABLE ONLY sqlembed.request ALTER COLUMN result SET STORAGE EXTERNAL;

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

CREATE VIEW sqlembed.status WITH (security_barrier='true') AS
 SELECT e.relation,
    p.vector AS embedding,
    e.embedder,
    e.timing,
    c.total,
    c.embedded,
    c.blank,
        CASE
            WHEN s.all_rows THEN q.pending
            ELSE NULL::bigint
        END AS pending,
        CASE
            WHEN s.all_rows THEN q.failed
            ELSE NULL::bigint
        END AS failed,
        CASE
            WHEN s.all_rows THEN q.oldest_pending
            ELSE NULL::timestamp with time zone
        END AS oldest_pending,
        CASE
            WHEN (g.name IS NOT NULL) THEN (('column '::text || quote_ident((g.name)::text)) || ' of its source is gone: drop this embedding and declare it anew'::text)
            WHEN (u.member IS NOT NULL) THEN format('triggers of %s are %s, so that changes are not noticed: its owner can say select sqlembed.refresh_embedding(%L, %L)'::text, u.member, u.state, e.relation, p.vector)
            WHEN (s.all_rows AND (q.last_error IS NOT NULL)) THEN q.last_error
            WHEN (m.fingerprint IS NULL) THEN ('unserved: no worker has registered embedder '::text || quote_ident(e.embedder))
            ELSE NULL::text
        END AS last_error
   FROM (((((((sqlembed.embedding e
     JOIN sqlembed.embedder m ON ((m.name = e.embedder)))
     CROSS JOIN LATERAL sqlembed._present_columns(e.*) p(vector, source))
     CROSS JOIN LATERAL ( SELECT sqlembed._sees_all_rows(e.relation) AS all_rows) s)
     CROSS JOIN LATERAL sqlembed._count_rows(e.*) c(total, embedded, blank))
     CROSS JOIN LATERAL ( SELECT ( SELECT count(*) AS count
                   FROM ( SELECT DISTINCT w.key
                           FROM sqlembed._queued w
                          WHERE (w.embedding = e.id)) waiting) AS pending,
            ( SELECT count(*) AS count
                   FROM sqlembed.failed_job f
                  WHERE (f.embedding = e.id)) AS failed,
            ( SELECT min(w.changed_at) AS min
                   FROM sqlembed._queued w
                  WHERE (w.embedding = e.id)) AS oldest_pending,
            COALESCE(( SELECT j.error
                   FROM sqlembed.job j
                  WHERE ((j.embedding = e.id) AND (j.error IS NOT NULL))
                  ORDER BY j.not_before DESC
                 LIMIT 1), ( SELECT f.error
                   FROM sqlembed.failed_job f
                  WHERE (f.embedding = e.id)
                  ORDER BY f.failed_at DESC
                 LIMIT 1)) AS last_error) q)
     LEFT JOIN LATERAL ( SELECT s_1.name
           FROM UNNEST(e.source_columns, p.source) s_1(name, present)
          WHERE (s_1.present IS NULL)
         LIMIT 1) g ON (true))
     LEFT JOIN LATERAL ( SELECT t.member,
            t.state
           FROM sqlembed._unattached(e.*) t(member, state)
          WHERE (t.state <> 'changed'::text)
         LIMIT 1) u ON (true))
  WHERE (has_table_privilege((e.relation)::oid, 'select'::text) AND (p.vector IS NOT NULL));

CREATE TABLE sqlembed.worker_process (
    id integer NOT NULL,
    name text NOT NULL,
    embedders text[] NOT NULL,
    clusterings text[] DEFAULT '{}'::text[] NOT NULL,
    epoch integer DEFAULT 0 NOT NULL,
    pid integer DEFAULT pg_backend_pid() NOT NULL,
    resting text[] DEFAULT '{}'::text[] NOT NULL,
    started_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
)
WITH (fillfactor='10');

CREATE VIEW sqlembed.worker AS
 SELECT id,
    name,
    embedders,
    resting,
    started_at,
    clusterings
   FROM sqlembed.worker_process w
  WHERE (EXISTS ( SELECT
           FROM pg_locks l
          WHERE ((l.locktype = 'advisory'::text) AND (l.database = ( SELECT d.oid
                   FROM pg_database d
                  WHERE (d.datname = current_database()))) AND (l.classid = (sqlembed._lock('presence'::text))::oid) AND (l.objid = (w.id)::oid) AND (l.pid = w.pid) AND (l.objsubid = 2) AND (l.mode = 'ExclusiveLock'::text) AND l.granted)));

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

ALTER TABLE ONLY sqlembed.cluster_job
    ADD CONSTRAINT cluster_job_pkey PRIMARY KEY (id);

ALTER TABLE ONLY sqlembed.cluster_model
    ADD CONSTRAINT cluster_model_pkey PRIMARY KEY (name);

ALTER TABLE ONLY sqlembed.clustering
    ADD CONSTRAINT clustering_name_key UNIQUE (name);

ALTER TABLE ONLY sqlembed.clustering
    ADD CONSTRAINT clustering_pkey PRIMARY KEY (id);

ALTER TABLE ONLY sqlembed.embedder_key
    ADD CONSTRAINT embedder_key_pkey PRIMARY KEY (embedder);

ALTER TABLE ONLY sqlembed.embedder
    ADD CONSTRAINT embedder_pkey PRIMARY KEY (name);

ALTER TABLE ONLY sqlembed.embedding
    ADD CONSTRAINT embedding_pkey PRIMARY KEY (id);

ALTER TABLE ONLY sqlembed.lease
    ADD CONSTRAINT lease_pkey PRIMARY KEY (id);

ALTER TABLE ONLY sqlembed.embedding
    ADD CONSTRAINT one_embedding_a_column UNIQUE (relation, name) DEFERRABLE;

ALTER TABLE ONLY sqlembed.embedding
    ADD CONSTRAINT one_embedding_a_side_table UNIQUE (side);

ALTER TABLE ONLY sqlembed.embedding
    ADD CONSTRAINT one_generation_beside UNIQUE (generation_of);

ALTER TABLE ONLY sqlembed.job
    ADD CONSTRAINT one_job_a_row PRIMARY KEY (embedding, key);

ALTER TABLE ONLY sqlembed.request
    ADD CONSTRAINT request_pkey PRIMARY KEY (id);

ALTER TABLE ONLY sqlembed.secret
    ADD CONSTRAINT secret_pkey PRIMARY KEY (singleton);

ALTER TABLE ONLY sqlembed.worker_process
    ADD CONSTRAINT worker_process_pkey PRIMARY KEY (id);

CREATE INDEX cache_oldest ON sqlembed.cache USING btree (used_at);

CREATE INDEX change_of_transaction ON sqlembed.change USING btree (transaction) WHERE (transaction IS NOT NULL);

CREATE INDEX cluster_centroid_model_cell_idx ON sqlembed.cluster_centroid USING btree (model, cell);

CREATE INDEX job_due ON sqlembed.job USING btree (embedding, not_before) WHERE (worker IS NULL);

CREATE UNIQUE INDEX one_failure_a_row ON sqlembed.failed_job USING btree (embedding, md5((key)::text));

CREATE INDEX request_waiting ON sqlembed.request USING btree (worker) WHERE (NOT done);

CREATE TRIGGER check_declaration BEFORE INSERT OR UPDATE OF embedder, dimensions, declared_source, timing, on_change, metric, storage, index, index_options, chunking, generation_of ON sqlembed.embedding FOR EACH ROW EXECUTE FUNCTION sqlembed._check_declaration();

CREATE TRIGGER check_name BEFORE UPDATE OF name ON sqlembed.embedding FOR EACH ROW WHEN ((old.name <> new.name)) EXECUTE FUNCTION sqlembed._check_name();

CREATE TRIGGER remove_dropped AFTER UPDATE OF is_dropped ON sqlembed.cluster_model FOR EACH STATEMENT EXECUTE FUNCTION sqlembed._remove_dropped();

CREATE TRIGGER remove_dropped AFTER UPDATE OF is_dropped ON sqlembed.clustering FOR EACH STATEMENT EXECUTE FUNCTION sqlembed._remove_dropped();

CREATE TRIGGER remove_dropped AFTER UPDATE OF is_dropped ON sqlembed.embedding FOR EACH STATEMENT EXECUTE FUNCTION sqlembed._remove_dropped();

ALTER TABLE ONLY sqlembed.cluster_centroid
    ADD CONSTRAINT cluster_centroid_model_fkey FOREIGN KEY (model) REFERENCES sqlembed.cluster_model(name) ON UPDATE CASCADE ON DELETE CASCADE;

ALTER TABLE ONLY sqlembed.clustering
    ADD CONSTRAINT clustering_name_fkey FOREIGN KEY (name) REFERENCES sqlembed.cluster_model(name) ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY sqlembed.embedder_key
    ADD CONSTRAINT embedder_key_embedder_fkey FOREIGN KEY (embedder) REFERENCES sqlembed.embedder(name) ON UPDATE CASCADE ON DELETE CASCADE;

ALTER TABLE ONLY sqlembed.embedding
    ADD CONSTRAINT embedding_embedder_fkey FOREIGN KEY (embedder) REFERENCES sqlembed.embedder(name) ON UPDATE CASCADE;

CREATE POLICY as_the_model ON sqlembed.cluster_centroid USING ((model = ANY (ARRAY( SELECT m.name
   FROM sqlembed.cluster_model m))));

CREATE POLICY as_the_model ON sqlembed.clustering USING ((name = ANY (ARRAY( SELECT m.name
   FROM sqlembed.cluster_model m)))) WITH CHECK (((EXISTS ( SELECT
   FROM pg_class c
  WHERE ((c.oid = (clustering.relation)::oid) AND pg_has_role(c.relowner, 'usage'::text)))) AND (name = ANY (ARRAY( SELECT m.name
   FROM sqlembed.cluster_model m)))));

ALTER TABLE sqlembed.change ENABLE ROW LEVEL SECURITY;

ALTER TABLE sqlembed.cluster_centroid ENABLE ROW LEVEL SECURITY;

ALTER TABLE sqlembed.cluster_job ENABLE ROW LEVEL SECURITY;

ALTER TABLE sqlembed.cluster_model ENABLE ROW LEVEL SECURITY;

ALTER TABLE sqlembed.clustering ENABLE ROW LEVEL SECURITY;

ALTER TABLE sqlembed.embedder_key ENABLE ROW LEVEL SECURITY;

ALTER TABLE sqlembed.embedding ENABLE ROW LEVEL SECURITY;

CREATE POLICY everybody_reads ON sqlembed.embedding FOR SELECT USING (true);

CREATE POLICY grantees ON sqlembed.embedder_key FOR SELECT USING ((EXISTS ( SELECT
   FROM unnest(embedder_key.grantees) grantee(grantee)
  WHERE (((grantee.grantee)::oid = (((0)::oid)::regrole)::oid) OR pg_has_role((grantee.grantee)::oid, 'usage'::text)))));

CREATE POLICY owner_alone ON sqlembed.cluster_model USING (pg_has_role((owner)::oid, 'usage'::text));

CREATE POLICY owner_of_the_table_clusters ON sqlembed.cluster_job FOR INSERT WITH CHECK ((EXISTS ( SELECT
   FROM (sqlembed.embedding e
     JOIN pg_class c ON ((c.oid = (e.relation)::oid)))
  WHERE (((e.relation)::oid = (cluster_job.relation)::oid) AND (e.name = cluster_job.embedding) AND pg_has_role(c.relowner, 'usage'::text)))));

CREATE POLICY owner_of_the_table_declares ON sqlembed.embedding USING ((EXISTS ( SELECT
   FROM pg_class c
  WHERE ((c.oid = (embedding.relation)::oid) AND pg_has_role(c.relowner, 'usage'::text)))));

CREATE POLICY owner_of_the_table_queues ON sqlembed.change FOR INSERT WITH CHECK ((((transaction IS NULL) OR (transaction = pg_current_xact_id_if_assigned())) AND (embedding = ANY (ARRAY( SELECT e.id
   FROM (sqlembed.embedding e
     JOIN pg_class c ON ((c.oid = (e.relation)::oid)))
  WHERE pg_has_role(c.relowner, 'usage'::text))))));

CREATE POLICY writer_of_the_vector_embeds ON sqlembed.change USING (((transaction = pg_current_xact_id_if_assigned()) AND (embedding = ANY (ARRAY( SELECT e.id
   FROM (sqlembed.embedding e
     JOIN pg_attribute a ON (((a.attrelid = (e.relation)::oid) AND (a.attname = e.name) AND (NOT a.attisdropped))))
  WHERE has_column_privilege((e.relation)::oid, a.attnum, 'update'::text))))));

GRANT USAGE ON SCHEMA sqlembed TO PUBLIC;

GRANT USAGE ON SCHEMA sqlembed_wire TO sqlembed_loopback;

REVOKE ALL ON FUNCTION sqlembed._acts_for_owner(relation regclass) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._answer_requests(worker integer, ids bigint[], counts integer[], errors text[], fingerprint text, kind text, hashes bytea[], vectors public.vector[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._ask_worker(embedder text, kind text, inputs text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._attach_families() FROM PUBLIC;

GRANT SELECT ON TABLE sqlembed.embedding TO PUBLIC;

GRANT INSERT(relation) ON TABLE sqlembed.embedding TO PUBLIC;

GRANT INSERT(name),UPDATE(name) ON TABLE sqlembed.embedding TO PUBLIC;

GRANT INSERT(embedder),UPDATE(embedder) ON TABLE sqlembed.embedding TO PUBLIC;

GRANT INSERT(source),UPDATE(source) ON TABLE sqlembed.embedding TO PUBLIC;

GRANT INSERT(declared_source),UPDATE(declared_source) ON TABLE sqlembed.embedding TO PUBLIC;

GRANT INSERT(timing),UPDATE(timing) ON TABLE sqlembed.embedding TO PUBLIC;

GRANT INSERT(on_change),UPDATE(on_change) ON TABLE sqlembed.embedding TO PUBLIC;

GRANT INSERT(metric),UPDATE(metric) ON TABLE sqlembed.embedding TO PUBLIC;

GRANT INSERT(storage),UPDATE(storage) ON TABLE sqlembed.embedding TO PUBLIC;

GRANT INSERT(index),UPDATE(index) ON TABLE sqlembed.embedding TO PUBLIC;

GRANT INSERT(index_options),UPDATE(index_options) ON TABLE sqlembed.embedding TO PUBLIC;

GRANT UPDATE(index_name) ON TABLE sqlembed.embedding TO PUBLIC;

GRANT INSERT(place) ON TABLE sqlembed.embedding TO PUBLIC;

GRANT INSERT(side) ON TABLE sqlembed.embedding TO PUBLIC;

GRANT INSERT(hash_function) ON TABLE sqlembed.embedding TO PUBLIC;

GRANT INSERT(chunking),UPDATE(chunking) ON TABLE sqlembed.embedding TO PUBLIC;

GRANT INSERT(full_text),UPDATE(full_text) ON TABLE sqlembed.embedding TO PUBLIC;

GRANT INSERT(full_text_column),UPDATE(full_text_column) ON TABLE sqlembed.embedding TO PUBLIC;

GRANT INSERT(dimensions),UPDATE(dimensions) ON TABLE sqlembed.embedding TO PUBLIC;

GRANT INSERT(key_columns) ON TABLE sqlembed.embedding TO PUBLIC;

GRANT INSERT(key_expression) ON TABLE sqlembed.embedding TO PUBLIC;

GRANT INSERT(source_columns),UPDATE(source_columns) ON TABLE sqlembed.embedding TO PUBLIC;

GRANT INSERT(generation),UPDATE(generation) ON TABLE sqlembed.embedding TO PUBLIC;

GRANT INSERT(generation_of),UPDATE(generation_of) ON TABLE sqlembed.embedding TO PUBLIC;

GRANT INSERT(rows_per_second),UPDATE(rows_per_second) ON TABLE sqlembed.embedding TO PUBLIC;

GRANT INSERT(queued_at) ON TABLE sqlembed.embedding TO PUBLIC;

GRANT UPDATE(is_dropped) ON TABLE sqlembed.embedding TO PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._cached(embedder text, kind text, inputs text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._changed_families() FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._check_described(relation oid, name text, numbers smallint[], columns name[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._choose_worker(embedder text) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._claim_clustering(worker integer, methods text[], OUT id bigint, OUT title text, OUT method text, OUT parameters jsonb, OUT metric text, OUT read_vectors text, OUT write_labels text) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._claim_jobs(worker integer, embedders text[], most integer[], without integer[], lease interval, of_generations boolean) FROM PUBLIC;

GRANT SELECT,INSERT ON TABLE sqlembed.cluster_model TO PUBLIC;

GRANT UPDATE(dimensions) ON TABLE sqlembed.cluster_model TO PUBLIC;

GRANT UPDATE(num_clusters) ON TABLE sqlembed.cluster_model TO PUBLIC;

GRANT UPDATE(iterations) ON TABLE sqlembed.cluster_model TO PUBLIC;

GRANT UPDATE(loss) ON TABLE sqlembed.cluster_model TO PUBLIC;

GRANT UPDATE(embedding_scale) ON TABLE sqlembed.cluster_model TO PUBLIC;

GRANT UPDATE(number_means) ON TABLE sqlembed.cluster_model TO PUBLIC;

GRANT UPDATE(number_scales) ON TABLE sqlembed.cluster_model TO PUBLIC;

GRANT UPDATE(training_loss) ON TABLE sqlembed.cluster_model TO PUBLIC;

GRANT UPDATE(training_rows) ON TABLE sqlembed.cluster_model TO PUBLIC;

GRANT UPDATE(cell_centers) ON TABLE sqlembed.cluster_model TO PUBLIC;

GRANT UPDATE(is_dropped) ON TABLE sqlembed.cluster_model TO PUBLIC;

GRANT SELECT ON TABLE sqlembed.clustering TO PUBLIC;

GRANT INSERT(name) ON TABLE sqlembed.clustering TO PUBLIC;

GRANT INSERT(relation) ON TABLE sqlembed.clustering TO PUBLIC;

GRANT INSERT(vector_column) ON TABLE sqlembed.clustering TO PUBLIC;

GRANT INSERT(cluster_column) ON TABLE sqlembed.clustering TO PUBLIC;

GRANT INSERT(vector_number) ON TABLE sqlembed.clustering TO PUBLIC;

GRANT INSERT(cluster_number) ON TABLE sqlembed.clustering TO PUBLIC;

GRANT INSERT(numbered_in) ON TABLE sqlembed.clustering TO PUBLIC;

GRANT UPDATE(is_dropped) ON TABLE sqlembed.clustering TO PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._configure_loopback(password text, way_in text) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._count_pending(embedders text[], without integer[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._declared_embedding(embedding integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._describe_chunks(declared sqlembed.embedding) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._describe_embedding(embedding integer, OUT relation regclass, OUT name name, OUT embedder text, OUT read_sources text, OUT write_vectors text, OUT chunking jsonb, OUT read_chunks text, OUT rows_per_second integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._describe_side(declared sqlembed.embedding) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._drop_leftovers() FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._empty_side(relation regclass, side regclass) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._end_lease(lease_id bigint, undone jsonb[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._fail_jobs(worker integer, embedding integer, keys jsonb[], errors text[], max_attempts integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._failed_keys(most integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._finish_clustering(id bigint, worker integer, error text, labelled bigint, num_clusters integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._finish_jobs(worker integer, embedding integer, keys jsonb[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._fold_changes(worker integer, embedders text[], most integer[], without integer[], lease interval, OUT taken bigint, OUT embedding integer, OUT revision text, OUT keys jsonb[], OUT lease_id bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._follow_columns() FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._follow_families() FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._follow_grants() FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._forget_failed(embedding integer, keys jsonb[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._forget_failures() FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._holds_clustering(id bigint, worker integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._is_dblink_shared() FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._is_described_sql(declared sqlembed.embedding) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._is_loopback_shared() FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._is_only_row(rows bigint, key jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._is_to_be_made(made name, body text, relation regclass) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._is_unaltered(embedding integer, embedder text, source text, storage text, chunking jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._is_unaltered_sql(declared sqlembed.embedding) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._keep_members(embedding integer, members regclass[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._keep_queued(embedding integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._lacking_grants() FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._leave_epoch(worker integer, next integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._lock_embedding(embedding integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._may_wait(embedding integer, key jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._new_generations() FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._next_epoch(worker integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._note_keys(embedding integer, keys jsonb[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._note_missing(declared sqlembed.embedding, rows_of text, is_all boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._note_row_sql(embedding integer, old text, new text, on_change text, OUT key text, OUT inserted text, OUT updated text) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._note_sql(embedding integer, on_change text, OUT probe_inserted text, OUT probe_updated text, OUT inserted text, OUT updated text, OUT key text, OUT source text) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._open_loopback() FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._parts(inputs text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._probe_loopback() FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._queue_generations() FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._read_cache(fingerprint text, kind text, hashes bytea[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._read_chunks_sql(declared sqlembed.embedding) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._register_name(name text, dimensions integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._release_jobs(worker integer, embedding integer, keys jsonb[], delay interval, error text) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._remove_dropped() FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._remove_vectors(embedding integer, keys jsonb[], at_once integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._rename_embeddings(embeddings integer[], sources text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._renamed_embeddings() FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._renew_lease(lease_id bigint, lease interval) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._renew_leases(worker integer, embedding integer, keys jsonb[], lease interval) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._rest_embedders(worker integer, embedders text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._side_key_lists(relation regclass, side regclass, OUT locked text, OUT made text, OUT written text, OUT match text) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._start_worker(name text, embedders text[], clusterings text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._stop_worker(worker integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._sweep(cache_bytes bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._take_requests(worker integer, most integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._ticket(embedder text, kind text, inputs text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._trim_cache(most bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed._write_cache(fingerprint text, kind text, hashes bytea[], vectors public.vector[], age interval) FROM PUBLIC;

REVOKE ALL ON FUNCTION sqlembed.clear_cache(embedder text) FROM PUBLIC;

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

GRANT SELECT ON TABLE sqlembed.change TO PUBLIC;

GRANT INSERT(embedding) ON TABLE sqlembed.change TO PUBLIC;

GRANT INSERT(key) ON TABLE sqlembed.change TO PUBLIC;

GRANT INSERT(transaction) ON TABLE sqlembed.change TO PUBLIC;

GRANT SELECT ON TABLE sqlembed._row_work TO PUBLIC;

GRANT SELECT ON TABLE sqlembed._waiting TO PUBLIC;

GRANT SELECT ON TABLE sqlembed.embedder TO PUBLIC;

GRANT SELECT,INSERT ON TABLE sqlembed.cluster_centroid TO PUBLIC;

GRANT INSERT(relation) ON TABLE sqlembed.cluster_job TO PUBLIC;

GRANT INSERT(label_column) ON TABLE sqlembed.cluster_job TO PUBLIC;

GRANT INSERT(embedding) ON TABLE sqlembed.cluster_job TO PUBLIC;

GRANT INSERT(method) ON TABLE sqlembed.cluster_job TO PUBLIC;

GRANT INSERT(parameters) ON TABLE sqlembed.cluster_job TO PUBLIC;

GRANT SELECT ON TABLE sqlembed.cluster_run TO PUBLIC;

GRANT SELECT ON TABLE sqlembed.clustering_status TO PUBLIC;

GRANT SELECT ON TABLE sqlembed.embedder_key TO PUBLIC;

GRANT SELECT ON TABLE sqlembed.failure TO PUBLIC;

GRANT SELECT ON TABLE sqlembed.generation TO PUBLIC;

GRANT SELECT ON TABLE sqlembed.status TO PUBLIC;

GRANT SELECT ON TABLE sqlembed.worker TO PUBLIC;
