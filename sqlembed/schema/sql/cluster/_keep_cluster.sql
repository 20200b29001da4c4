create or replace function sqlembed._keep_cluster() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    known record;
    embedding public.vector;
    is_number boolean;
begin
    -- By their numbers: columns may be renamed. What was dropped must not fail the application's statement.
    select c.name, v.attname as vector_column, n.attname as cluster_column
    into known
    from sqlembed.clustering as c
    join pg_attribute as v on v.attrelid = c.relation and v.attnum = c.vector_number and not v.attisdropped
    join pg_attribute as n on n.attrelid = c.relation and n.attnum = c.cluster_number and not n.attisdropped
    where c.id = tg_argv[0]::integer
        -- Whoever hangs this function on a table of their own learns nothing.
        and (c.relation = tg_relid or c.relation = any (array(select a.relid from pg_partition_ancestors(tg_relid) as a)));
    if known.name is null then
        return new;
    end if;
    -- This runs with the rights of sqlembed's owner: of columns that are of other types by now nothing
    -- may be cast, which could call a function of the table's owner.
    execute format(
        'select case pg_typeof(($1).%1$I)
                when ''public.vector''::regtype then ($1).%1$I::public.vector
                when ''public.halfvec''::regtype then ($1).%1$I::public.vector
            end,
            pg_typeof(($1).%2$I) = ''integer''::regtype',
        known.vector_column, known.cluster_column
    )
    into embedding, is_number
    using new;
    if not is_number then
        return new;
    end if;
    return jsonb_populate_record(
        new, jsonb_build_object(known.cluster_column, sqlembed._nearest_centroid(known.name, embedding))
    );
end
$function$;

comment on function sqlembed._keep_cluster() is
    'Row trigger of a clustering: the vector is another, so the cluster is that of the nearest centroid.';
