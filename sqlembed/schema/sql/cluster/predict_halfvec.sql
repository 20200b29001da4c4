create or replace function sqlembed.predict(
    name text,
    embedding public.halfvec,
    numbers double precision[] default '{}'
)
returns integer
language sql
stable
strict
parallel safe
as $function$
    select sqlembed.predict(predict.name, predict.embedding::public.vector, predict.numbers)
$function$;

comment on function sqlembed.predict(text, public.halfvec, double precision[]) is
    'Number of the cluster whose centroid is nearest; NULL for NULL, and under cosine for a vector of zeros, which has no direction. numbers: those beside the vector, where the model has them, in their order. Of more than 1000 clusters only those in the nearest eight of their cells are looked at. For many rows, assign is several times as fast.';
