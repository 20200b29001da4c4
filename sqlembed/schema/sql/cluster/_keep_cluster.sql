create or replace function sqlembed._keep_cluster() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    known record;
    present record;
    embedding public.vector;
begin
    select c.name, p.vector_column, p.cluster_column
    into known
    from sqlembed.clustering as c
    cross join lateral sqlembed._clustering_columns(c) as p
    where c.id = tg_argv[0]::integer
        -- Whoever hangs this function on a table of their own learns nothing.
        and (c.relation = tg_relid or c.relation = any (array(select a.relid from pg_partition_ancestors(tg_relid) as a)));
    -- What was dropped must not fail the application's statement.
    if known.vector_column is null or known.cluster_column is null then
        return new;
    end if;
    if current_setting('transaction_isolation') <> 'read committed' then
        -- A snapshot from before a refit shows the centroids of before: then this is the error that PostgreSQL
        -- gives a transaction that must be tried again.
        perform from sqlembed.clustering as c where c.id = tg_argv[0]::integer for share;
    end if;
    -- This runs with the rights of sqlembed's owner. What is of another type by now must not even be planned
    -- as a vector: a cast could be a function of the table's owner, which PostgreSQL runs ahead, whatever
    -- condition stands before it.
    execute format(
        'select pg_typeof(($1).%I) as vector_type, pg_typeof(($1).%I) as cluster_type',
        known.vector_column, known.cluster_column
    )
    into present
    using new;
    if present.cluster_type <> 'integer'::regtype then
        return new;
    end if;
    if present.vector_type = any (array['public.vector'::regtype, 'public.halfvec'::regtype]) then
        execute format('select ($1).%I::public.vector', known.vector_column) into embedding using new;
    end if;
    return jsonb_populate_record(
        new, jsonb_build_object(known.cluster_column, sqlembed._nearest_centroid(known.name, embedding))
    );
end
$function$;

comment on function sqlembed._keep_cluster() is
    'Row trigger of a clustering: the vector is another, so the cluster is that of the nearest centroid.';
