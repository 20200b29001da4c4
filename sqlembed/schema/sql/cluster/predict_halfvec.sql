create or replace function sqlembed.predict(name text, embedding public.halfvec) returns integer
language sql
stable
strict
parallel safe
as $function$
    select sqlembed.predict(predict.name, predict.embedding::public.vector)
$function$;

comment on function sqlembed.predict(text, public.halfvec) is
    'Number of the cluster whose centroid is nearest; NULL for NULL, and under cosine for a vector of zeros, which has no direction. For many rows, assign is several times as fast.';
