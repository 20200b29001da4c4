create or replace function sqlembed._keep_cluster() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    known record;
    embedding public.vector;
    is_number boolean;
    nearest record;
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
    select c.centroid_id, m.metric, d.distance
    into nearest
    from sqlembed.cluster_model as m
    join sqlembed.cluster_centroid as c on c.model = m.name
    cross join lateral (
        select case m.metric when 'cosine' then c.centroid operator(public.<#>) embedding
            else c.centroid operator(public.<->) embedding
        end as distance
    ) as d
    where m.name = known.name
        and m.dimensions = public.vector_dims(embedding)
    order by d.distance, c.centroid_id
    limit 1;
    return jsonb_populate_record(
        new,
        jsonb_build_object(
            known.cluster_column,
            case
                -- A vector of zeros has no direction.
                when nearest.distance = 0 and nearest.metric = 'cosine' and public.vector_norm(embedding) = 0 then null
                else nearest.centroid_id
            end
        )
    );
end
$function$;

comment on function sqlembed._keep_cluster() is
    'Row trigger of a clustering: the vector is another, so the cluster is that of the nearest centroid.';
