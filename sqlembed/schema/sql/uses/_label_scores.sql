create or replace function sqlembed._label_scores(
    input public.vector,
    labels text[],
    label_vectors public.vector[],
    temperature double precision
)
returns table (label text, similarity double precision, score double precision)
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
    select s.label, s.similarity, s.weight / sum(s.weight) over ()
    from (
        select s.*, exp((s.similarity - max(s.similarity) over ()) / _label_scores.temperature) as weight
        from (
            select l.label, 1 - (l.vector operator(public.<=>) _label_scores.input) as similarity, l.number
            from rows from (unnest(_label_scores.labels), unnest(_label_scores.label_vectors))
                with ordinality as l (label, vector, number)
        ) as s
    ) as s
    order by s.similarity desc, s.number
$function$;

comment on function sqlembed._label_scores(public.vector, text[], public.vector[], double precision) is
    'How near a vector is to those of labels, best first, and the softmax of that.';
