create schema sqlembed_wire;

comment on schema sqlembed is 'Embeddings kept up to date, searched and clustered in SQL.';
comment on schema sqlembed_wire is 'What the role sqlembed_loopback may call, and nothing else.';

create table sqlembed.embedder (
    name text primary key check (name <> '' and length(name) <= 200),
    dimensions integer not null check (dimensions between 1 and 16000),
    fingerprint text,
    runtime text not null default 'python' check (runtime in ('python', 'sql')),
    is_asymmetric boolean not null default false,
    created_at timestamptz not null default now()
);

comment on table sqlembed.embedder is 'Named embedding functions that this database knows.';
comment on column sqlembed.embedder.name is 'The name that SQL, Python and the command line use.';
comment on column sqlembed.embedder.dimensions is 'Length of every vector it makes.';
comment on column sqlembed.embedder.fingerprint is 'What decides its vectors (weights, version, pooling, prompts); null until a worker has served it.';
comment on column sqlembed.embedder.runtime is 'Where it runs: python (a worker) or sql (this database).';
comment on column sqlembed.embedder.is_asymmetric is 'Whether queries are embedded otherwise than documents.';
comment on column sqlembed.embedder.created_at is 'When the name was first registered.';

create table sqlembed.embedder_key (
    embedder text primary key references sqlembed.embedder on delete cascade on update cascade,
    key bytea not null,
    grantees regrole[] not null default '{}'
);

-- A caller's identity is lost inside SECURITY DEFINER functions, so the right to embed is the right
-- to read a key: row level security is evaluated for the caller, and the key proves it further in.
alter table sqlembed.embedder_key enable row level security;

create policy grantees on sqlembed.embedder_key
    for select
    using (
        exists (
            select
            from unnest(grantees) as grantee
            where grantee = 0::oid::regrole or pg_has_role(grantee::oid, 'usage')
        )
    );

comment on table sqlembed.embedder_key is 'Who may embed with which embedder: reading a row is the right.';
comment on column sqlembed.embedder_key.embedder is 'The embedder that the key opens.';
comment on column sqlembed.embedder_key.key is 'Random bytes, changed when a role loses the right.';
comment on column sqlembed.embedder_key.grantees is 'Roles that may use the embedder; 0 (-) stands for everybody.';

create table sqlembed.embedding (
    id integer generated always as identity primary key,
    relation regclass not null,
    name name not null,
    embedder text not null references sqlembed.embedder on update cascade,
    source text not null,
    declared_source text not null,
    timing text not null check (timing in ('async', 'sync')),
    on_change text not null check (on_change in ('hide', 'keep')),
    metric text not null check (metric in ('cosine', 'euclidean', 'inner_product', 'l1')),
    storage text not null check (storage in ('vector', 'halfvec')),
    index text not null check (index in ('hnsw', 'binary', 'prefix', 'none')),
    index_options jsonb,
    index_name name,
    place text not null check (place in ('row', 'side')),
    side regclass,
    hash_function name,
    chunking jsonb,
    full_text text,
    full_text_column name,
    dimensions integer not null,
    key_columns name[] not null,
    key_types regtype[] not null,
    key_expression text not null,
    -- As many as a table may have: workers look all of them up, of every embedding.
    source_columns name[] not null constraint columns_of_one_table check (cardinality(source_columns) <= 1600),
    numbered_in oid not null,
    vector_number smallint,
    source_numbers smallint[] not null,
    members regclass[] not null,
    generation text not null default 'current' check (generation in ('current', 'next', 'previous')),
    generation_of integer constraint one_generation_beside unique,
    rows_per_second integer check (rows_per_second >= 1),
    queued_at timestamptz default clock_timestamp(),
    created_at timestamptz not null default now(),
    is_dropped boolean not null default false,
    -- Looked at after the statement: two columns may change their names with each other.
    constraint one_embedding_a_column unique (relation, name) deferrable,
    constraint one_embedding_a_side_table unique (side),
    constraint generation_of_another check ((generation = 'current') = (generation_of is null)),
    constraint side_table_in_its_place check (
        (place = 'side') = (side is not null) and (place = 'side') = (hash_function is not null)
    )
);

alter table sqlembed.embedding enable row level security;

create policy everybody_reads on sqlembed.embedding for select using (true);

create policy owner_of_the_table_declares on sqlembed.embedding
    for all
    using (
        exists (
            select from pg_catalog.pg_class as c
            where c.oid = relation and pg_has_role(c.relowner, 'usage')
        )
    );

comment on table sqlembed.embedding is 'Vector columns that are kept up to date.';
comment on column sqlembed.embedding.id is 'Number used by change, job and failed_job.';
comment on column sqlembed.embedding.relation is 'The table whose rows are embedded.';
comment on column sqlembed.embedding.name is 'The vector column.';
comment on column sqlembed.embedding.embedder is 'The embedder that makes the vectors.';
comment on column sqlembed.embedding.source is 'The SQL expression over a row that is embedded, every name in it qualified.';
comment on column sqlembed.embedding.declared_source is 'The same expression as it was declared.';
comment on column sqlembed.embedding.timing is 'async: after commit, by a worker; sync: inside the writing transaction.';
comment on column sqlembed.embedding.on_change is 'hide: the vector is null until the new one is there; keep: the old one stays meanwhile.';
comment on column sqlembed.embedding.metric is 'Distance that searches use: cosine, euclidean, inner_product or l1.';
comment on column sqlembed.embedding.storage is 'Type of the column: vector or halfvec.';
comment on column sqlembed.embedding.index is 'Kind of index: hnsw, binary, prefix or none.';
comment on column sqlembed.embedding.index_options is 'm and ef_construction of the index, and of a prefix its dimensions; null: none of them was said.';
comment on column sqlembed.embedding.index_name is 'The index that create_embedding built; null if it built none.';
comment on column sqlembed.embedding.place is 'row: the vector stands in the row itself; side: in a table beside it.';
comment on column sqlembed.embedding.side is 'The table beside it; null when the vectors stand in the rows.';
comment on column sqlembed.embedding.hash_function is 'Name of the function that gives the hash of a row''s present source, which the side table keeps of each vector''s.';
comment on column sqlembed.embedding.chunking is 'How long texts are cut into chunks, which stand in the side table; null: not at all.';
comment on column sqlembed.embedding.full_text is 'Text search configuration for its words, with its schema; null: that of the session.';
comment on column sqlembed.embedding.full_text_column is 'The tsvector column that create_embedding added; null: words are looked up row by row.';
comment on column sqlembed.embedding.dimensions is 'Length of the vectors.';
comment on column sqlembed.embedding.key_columns is 'Columns of the primary key, in its order.';
comment on column sqlembed.embedding.key_types is 'Types of these columns when it was declared.';
comment on column sqlembed.embedding.key_expression is 'SQL that makes the key of row r: a jsonb array.';
comment on column sqlembed.embedding.source_columns is 'Columns that the source uses.';
comment on column sqlembed.embedding.numbered_in is 'The table as pg_class numbers it: elsewhere, as after a restore, the numbers below mean nothing.';
comment on column sqlembed.embedding.vector_number is 'Number of the vector column, which it keeps when it is renamed.';
comment on column sqlembed.embedding.source_numbers is 'Numbers of the columns that the source uses.';
comment on column sqlembed.embedding.members is 'Partitions or children whose rows have been queued.';
comment on column sqlembed.embedding.generation is 'current: searches use it; next: it is being built beside the current one; previous: it was current before.';
comment on column sqlembed.embedding.generation_of is 'The embedding beside which it stands; null for the current generation.';
comment on column sqlembed.embedding.rows_per_second is 'How many rows a worker embeds a second at most; null: as many as it can.';
comment on column sqlembed.embedding.queued_at is 'When the rows that were there had been queued; null until a worker has done it for a new generation.';
comment on column sqlembed.embedding.created_at is 'When the embedding was declared.';
comment on column sqlembed.embedding.is_dropped is 'Set to have the row removed.';

create table sqlembed.change (
    id bigint generated always as identity primary key,
    embedding integer not null,
    key jsonb not null check (jsonb_typeof(key) = 'array'),
    changed_at timestamptz not null default clock_timestamp(),
    transaction xid8
);

-- Only for changes of timing sync, which their own transaction looks for.
create index change_of_transaction on sqlembed.change (transaction) where transaction is not null;

alter table sqlembed.change enable row level security;

-- An uncorrelated array: evaluated once a statement, however many keys it appends. In the name of
-- another's transaction nobody notes a row: its session would read that row's source, with its rights.
create policy owner_of_the_table_queues on sqlembed.change
    for insert
    with check (
        (transaction is null or transaction = pg_current_xact_id_if_assigned())
        and embedding = any (
            array(
                select e.id
                from sqlembed.embedding as e
                join pg_catalog.pg_class as c on c.oid = e.relation
                where pg_has_role(c.relowner, 'usage')
            )
        )
    );

-- With timing sync, whoever writes a row also gives it its vector: they find the changes of their own
-- transaction, and of no other, if they may write the vector.
create policy writer_of_the_vector_embeds on sqlembed.change
    for all
    using (
        transaction = pg_current_xact_id_if_assigned()
        and embedding = any (
            array(
                select e.id
                from sqlembed.embedding as e
                join pg_catalog.pg_attribute as a
                    on a.attrelid = e.relation and a.attname = e.name and not a.attisdropped
                where has_column_privilege(e.relation, a.attnum, 'update')
            )
        )
    );

comment on table sqlembed.change is 'Keys of rows whose source changed. Writers only append; workers fold it into job.';
comment on column sqlembed.change.id is 'Order of arrival.';
comment on column sqlembed.change.embedding is 'The embedding that is out of date.';
comment on column sqlembed.change.key is 'The row: its primary key''s values in order.';
comment on column sqlembed.change.changed_at is 'When the row was written.';
comment on column sqlembed.change.transaction is 'timing sync: the transaction that wrote the row and is to embed it before it commits. A worker does it where that has not happened.';

-- No foreign key to embedding: while a transaction that drops one is open, workers would have to
-- wait for it. They remove what has lost its embedding.
create table sqlembed.job (
    embedding integer not null,
    key jsonb not null,
    attempts integer not null default 0,
    changed_at timestamptz not null default clock_timestamp(),
    not_before timestamptz not null default clock_timestamp(),
    locked_until timestamptz,
    worker integer,
    error text,
    constraint one_job_a_row primary key (embedding, key)
)
with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);

-- Of what nobody has in hand. What somebody has is found by the primary key, and only by it.
create index job_due on sqlembed.job (embedding, not_before) where worker is null;

comment on table sqlembed.job is 'Pending work: at most one job a row and embedding.';
comment on column sqlembed.job.embedding is 'The embedding to bring up to date.';
comment on column sqlembed.job.key is 'The row: its primary key''s values in order.';
comment on column sqlembed.job.attempts is 'How often the embedder has failed on this row.';
comment on column sqlembed.job.changed_at is 'When the oldest change not yet embedded was written.';
comment on column sqlembed.job.not_before is 'Not to be tried earlier.';
comment on column sqlembed.job.locked_until is 'End of the lease of the worker that has it in hand.';
comment on column sqlembed.job.worker is 'The worker that has it in hand, until it is done or a later change takes it away.';
comment on column sqlembed.job.error is 'What the embedder said at the last attempt.';

-- New jobs are most of a worker's work, and most of them are never anything but new: a batch of them
-- is one row, which goes when it is done. Only what is left over then becomes rows of job.
create table sqlembed.lease (
    id bigint generated always as identity primary key,
    worker integer not null,
    embedding integer not null,
    keys jsonb[] not null,
    changed_at timestamptz[] not null,
    locked_until timestamptz not null
)
with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);

comment on table sqlembed.lease is 'New jobs that workers have in hand, a row a batch.';
comment on column sqlembed.lease.id is 'Number of the batch.';
comment on column sqlembed.lease.worker is 'The worker that has it in hand.';
comment on column sqlembed.lease.embedding is 'The embedding to bring up to date.';
comment on column sqlembed.lease.keys is 'The rows: their primary keys'' values in order.';
comment on column sqlembed.lease.changed_at is 'When the oldest change of each was written.';
comment on column sqlembed.lease.locked_until is 'When others may have it.';

create table sqlembed.failed_job (
    embedding integer not null,
    key jsonb not null,
    attempts integer not null,
    error text not null,
    failed_at timestamptz not null default clock_timestamp()
);

-- A key that is too long for an index is a failure too.
create unique index one_failure_a_row on sqlembed.failed_job (embedding, md5(key::text));

comment on table sqlembed.failed_job is 'Rows given up after several attempts; retry_failed brings them back.';
comment on column sqlembed.failed_job.embedding is 'The embedding that has no vector for the row.';
comment on column sqlembed.failed_job.key is 'The row: its primary key''s values in order.';
comment on column sqlembed.failed_job.attempts is 'How often it was tried.';
comment on column sqlembed.failed_job.error is 'What the embedder said at the last attempt.';
comment on column sqlembed.failed_job.failed_at is 'When it was given up.';

create table sqlembed.worker_process (
    id integer generated always as identity primary key,
    name text not null,
    embedders text[] not null,
    clusterings text[] not null default '{}',
    epoch integer not null default 0,
    pid integer not null default pg_backend_pid(),
    resting text[] not null default '{}',
    started_at timestamptz not null default clock_timestamp()
)
with (fillfactor = 10);

comment on table sqlembed.worker_process is 'Workers that have started; one is alive while it holds its advisory lock.';
comment on column sqlembed.worker_process.id is 'Number of the worker.';
comment on column sqlembed.worker_process.name is 'Machine and process.';
comment on column sqlembed.worker_process.embedders is 'Embedders that it serves.';
comment on column sqlembed.worker_process.clusterings is 'Clustering functions that it can call.';
comment on column sqlembed.worker_process.epoch is 'Raised with every batch of answers; callers wait for the lock of the epoch they saw.';
comment on column sqlembed.worker_process.pid is 'Its connection''s process in the server, which holds the lock.';
comment on column sqlembed.worker_process.resting is 'Embedders that it leaves alone for now, because they are down.';
comment on column sqlembed.worker_process.started_at is 'When it started.';

-- Unlogged: a request means nothing without the caller that waits for it.
create unlogged table sqlembed.request (
    id bigint generated always as identity primary key,
    worker integer not null,
    embedder text not null,
    inputs text[] not null,
    kind text not null check (kind in ('document', 'query')),
    ticket bytea not null,
    result public.vector[],
    error text,
    done boolean not null default false,
    created_at timestamptz not null default clock_timestamp(),
    asked_at timestamptz not null default clock_timestamp()
)
with (
    fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_cost_delay = 0
);

create index request_waiting on sqlembed.request (worker) where not done;

-- Floats hardly compress, and callers wait for it.
alter table sqlembed.request alter column result set storage external;

comment on table sqlembed.request is 'Texts that SQL statements want embedded right now.';
comment on column sqlembed.request.id is 'Number of the request.';
comment on column sqlembed.request.worker is 'The worker that was asked.';
comment on column sqlembed.request.embedder is 'The embedder to use.';
comment on column sqlembed.request.inputs is 'The texts, none of them blank.';
comment on column sqlembed.request.kind is 'document or query.';
comment on column sqlembed.request.ticket is 'Proof that embed() made the request; asked for again with every look at the answer.';
comment on column sqlembed.request.result is 'The vectors, in the order of inputs.';
comment on column sqlembed.request.error is 'What the embedder said instead.';
comment on column sqlembed.request.done is 'Whether result or error is there.';
comment on column sqlembed.request.created_at is 'When it was made.';
comment on column sqlembed.request.asked_at is 'When the caller last asked; a request nobody asks for is dropped.';

create table sqlembed.cache (
    fingerprint text not null,
    kind text not null,
    input_hash bytea not null,
    embedding public.vector not null,
    used_at timestamptz not null default clock_timestamp(),
    primary key (fingerprint, kind, input_hash)
);

create index cache_oldest on sqlembed.cache (used_at);

comment on table sqlembed.cache is 'Vectors already computed, by fingerprint and text.';
comment on column sqlembed.cache.fingerprint is 'Fingerprint of the embedder.';
comment on column sqlembed.cache.kind is 'document or query.';
comment on column sqlembed.cache.input_hash is 'sha256 of the text in UTF-8.';
comment on column sqlembed.cache.embedding is 'The vector.';
comment on column sqlembed.cache.used_at is 'When a worker last used it; the oldest go first.';

create table sqlembed.secret (
    singleton boolean primary key default true check (singleton),
    value bytea not null
);

insert into sqlembed.secret (value)
select sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8'));

comment on table sqlembed.secret is 'What tickets are made with.';
comment on column sqlembed.secret.singleton is 'There is one row.';
comment on column sqlembed.secret.value is 'Random bytes.';

create table sqlembed.cluster_model (
    name text primary key check (name <> ''),
    query text not null,
    metric text not null check (metric in ('cosine', 'euclidean')),
    dimensions integer not null,
    num_clusters integer not null,
    iterations integer not null,
    loss double precision not null,
    seed integer not null,
    standardize boolean not null default true,
    weights double precision[],
    embedding_scale double precision not null default 1,
    number_means double precision[] not null default '{}',
    number_scales double precision[] not null default '{}',
    training_loss double precision[] not null default '{}',
    training_rows bigint[] not null default '{}',
    cell_centers public.vector[] not null default '{}',
    owner regrole not null default current_user::regrole,
    created_at timestamptz not null default now(),
    is_dropped boolean not null default false
);

alter table sqlembed.cluster_model enable row level security;

create policy owner_alone on sqlembed.cluster_model using (pg_has_role(owner::oid, 'usage'));

comment on table sqlembed.cluster_model is 'k-means models kept under a name.';
comment on column sqlembed.cluster_model.name is 'Name of the model.';
comment on column sqlembed.cluster_model.query is 'The query it was fitted on.';
comment on column sqlembed.cluster_model.metric is 'cosine or euclidean.';
comment on column sqlembed.cluster_model.dimensions is 'Length of the centroids: that of the vectors, and one for each number beside them.';
comment on column sqlembed.cluster_model.num_clusters is 'Number of centroids.';
comment on column sqlembed.cluster_model.iterations is 'Iterations until it stopped.';
comment on column sqlembed.cluster_model.loss is 'Over all rows, the distances to their centroids summed up: 1 - cos under cosine, squared under euclidean.';
comment on column sqlembed.cluster_model.seed is 'Seed of the random choices.';
comment on column sqlembed.cluster_model.standardize is 'Whether the vector and each number beside it were scaled to a variance of 1.';
comment on column sqlembed.cluster_model.weights is 'What the squared distances of the vector and of each number count; NULL: 1 each.';
comment on column sqlembed.cluster_model.embedding_scale is 'By what the vectors were multiplied.';
comment on column sqlembed.cluster_model.number_means is 'Means of the numbers beside the vectors, which were taken off, and stand for NULL.';
comment on column sqlembed.cluster_model.number_scales is 'By what the numbers were multiplied then.';
comment on column sqlembed.cluster_model.training_loss is 'Loss after each iteration, of a row on average.';
comment on column sqlembed.cluster_model.training_rows is 'How many rows each iteration looked at.';
comment on column sqlembed.cluster_model.cell_centers is 'Of many centroids those of their cells, in order; one cell without a centre otherwise.';
comment on column sqlembed.cluster_model.owner is 'The role that made it; its members may use it.';
comment on column sqlembed.cluster_model.created_at is 'When it was fitted.';
comment on column sqlembed.cluster_model.is_dropped is 'Set to have the row removed.';

create table sqlembed.cluster_centroid (
    model text not null references sqlembed.cluster_model on delete cascade on update cascade,
    centroid_id integer not null,
    centroid public.vector not null,
    cluster_size bigint not null,
    cluster_radius double precision,
    cell integer not null default 1,
    primary key (model, centroid_id)
)
-- Read whole for every predict: vectors of up to 2,000 dimensions stay beside their keys.
with (toast_tuple_target = 8160);

create index on sqlembed.cluster_centroid (model, cell);

alter table sqlembed.cluster_centroid enable row level security;

-- An uncorrelated array: evaluated once for all centroids that a predict looks at.
create policy as_the_model on sqlembed.cluster_centroid
    using (model = any (array(select m.name from sqlembed.cluster_model as m)));

comment on table sqlembed.cluster_centroid is 'Centroids of the k-means models.';
comment on column sqlembed.cluster_centroid.model is 'Name of the model.';
comment on column sqlembed.cluster_centroid.centroid_id is 'Number of the cluster, from 1.';
comment on column sqlembed.cluster_centroid.centroid is 'Mean of the cluster''s vectors; under cosine their mean direction, a unit vector.';
comment on column sqlembed.cluster_centroid.cluster_size is 'Rows in the cluster when it was fitted.';
comment on column sqlembed.cluster_centroid.cluster_radius is 'Root of the mean squared distance of its rows to the centroid.';
comment on column sqlembed.cluster_centroid.cell is 'Number of the cell of centroids near to each other: where there are many, only the nearest cells are looked through.';

create table sqlembed.clustering (
    id integer generated always as identity primary key,
    -- A refit takes the model away and puts another in its place.
    name text not null unique references sqlembed.cluster_model on update cascade deferrable initially deferred,
    relation regclass not null,
    vector_column name not null,
    cluster_column name not null,
    vector_number smallint not null,
    cluster_number smallint not null,
    numbered_in oid not null,
    is_dropped boolean not null default false
);

alter table sqlembed.clustering enable row level security;

create policy as_the_model on sqlembed.clustering
    using (name = any (array(select m.name from sqlembed.cluster_model as m)))
    with check (
        exists (
            select from pg_catalog.pg_class as c
            where c.oid = relation and pg_has_role(c.relowner, 'usage')
        )
        and name = any (array(select m.name from sqlembed.cluster_model as m))
    );

comment on table sqlembed.clustering is 'Cluster columns that are kept up to date.';
comment on column sqlembed.clustering.id is 'Number in the names of its triggers.';
comment on column sqlembed.clustering.name is 'Name of the clustering, and of its model.';
comment on column sqlembed.clustering.relation is 'The table.';
comment on column sqlembed.clustering.vector_column is 'The vector column.';
comment on column sqlembed.clustering.cluster_column is 'The column of the clusters.';
comment on column sqlembed.clustering.vector_number is 'Number of the vector column, which it keeps when it is renamed.';
comment on column sqlembed.clustering.cluster_number is 'Number of the column of the clusters.';
comment on column sqlembed.clustering.numbered_in is 'The table as pg_class numbers it: elsewhere, as after a restore, the numbers mean nothing.';
comment on column sqlembed.clustering.is_dropped is 'Set to have the row removed.';

-- Whoever asks only appends: of several for one column the newest counts.
create table sqlembed.cluster_job (
    id bigint generated always as identity primary key,
    relation regclass not null,
    label_column name not null,
    embedding name not null,
    method text not null check (length(method) between 1 and 200),
    parameters jsonb not null check (jsonb_typeof(parameters) = 'object'),
    asked_at timestamptz not null default clock_timestamp(),
    worker integer,
    attempts integer not null default 0,
    finished_at timestamptz,
    labelled bigint,
    num_clusters integer,
    error text
);

alter table sqlembed.cluster_job enable row level security;

-- Workers come to embeddings alone, whose owners were granted an embedder: they run the code of a table.
create policy owner_of_the_table_clusters on sqlembed.cluster_job
    for insert
    with check (
        exists (
            select from sqlembed.embedding as e
            join pg_catalog.pg_class as c on c.oid = e.relation
            where e.relation = cluster_job.relation
                and e.name = cluster_job.embedding
                and pg_has_role(c.relowner, 'usage')
        )
    );

comment on table sqlembed.cluster_job is 'Tables whose rows a worker is to cluster, or has clustered.';
comment on column sqlembed.cluster_job.id is 'Order of arrival.';
comment on column sqlembed.cluster_job.relation is 'The table.';
comment on column sqlembed.cluster_job.label_column is 'Where the labels are written.';
comment on column sqlembed.cluster_job.embedding is 'The vector column.';
comment on column sqlembed.cluster_job.method is 'Name of the clustering function.';
comment on column sqlembed.cluster_job.parameters is 'What it is given besides the vectors.';
comment on column sqlembed.cluster_job.asked_at is 'When it was asked for.';
comment on column sqlembed.cluster_job.worker is 'The worker that has it in hand, as long as that lives.';
comment on column sqlembed.cluster_job.attempts is 'How often a worker took it.';
comment on column sqlembed.cluster_job.finished_at is 'When it was done, or given up.';
comment on column sqlembed.cluster_job.labelled is 'How many rows got a label.';
comment on column sqlembed.cluster_job.num_clusters is 'How many clusters there are, without what is in none.';
comment on column sqlembed.cluster_job.error is 'Why it was given up.';

create type sqlembed.row_state as (
    embedding name,
    state text,
    has_vector boolean,
    attempts integer,
    error text,
    changed_at timestamptz,
    retry_at timestamptz
);

comment on type sqlembed.row_state is 'What row_status says of a row.';
comment on column sqlembed.row_state.embedding is 'The vector column.';
comment on column sqlembed.row_state.state is 'embedded, pending, failed or blank.';
comment on column sqlembed.row_state.has_vector is 'Whether there is a vector, which may be that of an older text under on_change keep and in a side table.';
comment on column sqlembed.row_state.attempts is 'How often the embedder has failed on it.';
comment on column sqlembed.row_state.error is 'What the embedder said last.';
comment on column sqlembed.row_state.changed_at is 'When the oldest change that waits was written.';
comment on column sqlembed.row_state.retry_at is 'When it is tried again, after a failure.';

create type sqlembed.centroid_cell as (
    centroid_ids integer[],
    centroids public.vector[]
);

comment on type sqlembed.centroid_cell is 'Centroids that lie near to each other.';

create type sqlembed.centroid_index as (
    centers public.vector[],
    cells sqlembed.centroid_cell[]
);

comment on type sqlembed.centroid_index is 'Many centroids, in cells, each with a centre.';

create type sqlembed.fitted_model as (
    name text,
    num_clusters integer,
    iterations integer,
    loss double precision
);

comment on type sqlembed.fitted_model is 'What create_kmeans says of the model that it made.';

create type sqlembed.search_target as (
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

comment on type sqlembed.search_target is 'What a search reads, as parts of SQL.';

create type sqlembed.search_path as (
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

comment on type sqlembed.search_path is 'The way that a search takes, and its settings.';

grant usage on schema sqlembed to public;
grant select on sqlembed.embedder, sqlembed.embedder_key to public;
-- Nowhere the right to delete or to update all of a table: whoever has it may lock the table for good.
-- What is to go is marked, and a trigger removes it.
grant select on sqlembed.embedding to public;
-- Not the number, which jobs and failures refer to; afterwards what alter_embedding changes.
grant insert (
    relation, name, embedder, source, declared_source, timing, on_change, metric, storage, index, index_options, place,
    side, hash_function, chunking, full_text, full_text_column, dimensions, key_columns, key_expression, source_columns,
    generation, generation_of, rows_per_second, queued_at
) on sqlembed.embedding to public;
grant update (
    name, embedder, source, declared_source, timing, on_change, metric, storage, index, index_options, index_name,
    chunking, full_text, full_text_column, dimensions, source_columns, generation, generation_of, rows_per_second,
    is_dropped
) on sqlembed.embedding to public;
grant select on sqlembed.change to public;
grant insert (embedding, key, transaction) on sqlembed.change to public;
grant select, insert on sqlembed.cluster_model, sqlembed.cluster_centroid to public;
grant update (
    dimensions, num_clusters, iterations, loss, embedding_scale, number_means, number_scales, training_loss, training_rows,
    cell_centers, is_dropped
) on sqlembed.cluster_model to public;
grant select on sqlembed.clustering to public;
grant insert (name, relation, vector_column, cluster_column, vector_number, cluster_number, numbered_in)
on sqlembed.clustering to public;
grant update (is_dropped) on sqlembed.clustering to public;
grant insert (relation, label_column, embedding, method, parameters) on sqlembed.cluster_job to public;
grant usage on schema sqlembed_wire to sqlembed_loopback;
