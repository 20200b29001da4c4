create or replace function sqlembed.similarity(embedder text, a text, b text) returns double precision
language plpgsql
stable
parallel restricted
as $function$
declare
    both_vectors public.vector[];
begin
    both_vectors := sqlembed._ask(
        similarity.embedder,
        (select k.key from sqlembed.embedder_key as k where k.embedder operator(pg_catalog.=) similarity.embedder),
        'document',
        array[similarity.a, similarity.b]
    );
    return 1 operator(pg_catalog.-) (both_vectors[1] operator(public.<=>) both_vectors[2]);
end
$function$;

comment on function sqlembed.similarity(text, text, text) is
    'Cosine of the vectors of two texts, -1 to 1; NULL when one of them is NULL, empty or blank.';
