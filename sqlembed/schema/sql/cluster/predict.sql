create or replace function sqlembed.predict(
    name text,
    embedding public.vector,
    numbers double precision[] default '{}'
)
returns integer
language plpgsql
stable
strict
parallel safe
as $function$
declare
    features public.vector := case
        when pg_catalog.cardinality(predict.numbers) operator(pg_catalog.=) 0 then predict.embedding
        else sqlembed._features(predict.name, predict.embedding, predict.numbers)
    end;
    nearest record;
begin
    select c.centroid_id, m.metric, d.distance
    into nearest
    from sqlembed.cluster_model as m
    join sqlembed.cluster_centroid as c on c.model operator(pg_catalog.=) m.name
    cross join lateral (
        select case when m.metric operator(pg_catalog.=) 'cosine' then c.centroid operator(public.<#>) features
            else c.centroid operator(public.<->) features
        end as distance
    ) as d
    where m.name operator(pg_catalog.=) predict.name
        and m.dimensions operator(pg_catalog.=) public.vector_dims(features)
        and pg_catalog.cardinality(m.number_means) operator(pg_catalog.=) pg_catalog.cardinality(predict.numbers)
    order by d.distance, c.centroid_id
    limit 1;
    if nearest.centroid_id is null then
        perform sqlembed._check_dimensions(
            predict.name, public.vector_dims(predict.embedding), pg_catalog.cardinality(predict.numbers)
        );
    end if;
    -- A vector of zeros has no direction.
    if nearest.distance operator(pg_catalog.=) 0
        and nearest.metric operator(pg_catalog.=) 'cosine'
        and public.vector_norm(predict.embedding) operator(pg_catalog.=) 0
    then
        return null;
    end if;
    return nearest.centroid_id;
end
$function$;

comment on function sqlembed.predict(text, public.vector, double precision[]) is
    'Number of the cluster whose centroid is nearest; NULL for NULL, and under cosine for a vector of zeros, which has no direction. numbers: those beside the vector, where the model has them, in their order. For many rows, assign is several times as fast.';
