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
    centroid_id integer := sqlembed._nearest_centroid(
        predict.name, features, pg_catalog.cardinality(predict.numbers)
    );
begin
    if centroid_id is null then
        perform sqlembed._check_dimensions(
            predict.name, public.vector_dims(predict.embedding), pg_catalog.cardinality(predict.numbers)
        );
    end if;
    return centroid_id;
end
$function$;

comment on function sqlembed.predict(text, public.vector, double precision[]) is
    'Number of the cluster whose centroid is nearest; NULL for NULL, and under cosine for a vector of zeros, which has no direction. numbers: those beside the vector, where the model has them, in their order. Of more than 1000 clusters only those in the nearest eight of their cells are looked at. For many rows, assign is several times as fast.';
