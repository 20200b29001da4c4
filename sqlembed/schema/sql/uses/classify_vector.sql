create or replace function sqlembed.classify(
    embedder text,
    input public.vector,
    labels text[],
    template text default '{}',
    temperature double precision default 0.05
)
returns table (label text, similarity double precision, score double precision)
language plpgsql
stable
parallel restricted
rows 10
as $function$
begin
    perform sqlembed._check_labels(classify.labels, classify.template, classify.temperature);
    if classify.input is null or public.vector_norm(classify.input) operator(pg_catalog.=) 0 then
        return;
    end if;
    return query
    select s.label, s.similarity, s.score
    from sqlembed._label_scores(
        classify.input,
        classify.labels,
        sqlembed._ask(
            classify.embedder,
            (select k.key from sqlembed.embedder_key as k where k.embedder operator(pg_catalog.=) classify.embedder),
            'document',
            sqlembed._label_texts(classify.labels, classify.template)
        ),
        classify.temperature
    ) as s;
end
$function$;

comment on function sqlembed.classify(text, public.vector, text[], text, double precision) is
    'As for a text, for a vector that the embedder has made already, such as a row''s: only the labels are embedded, and they are in the cache after the first row.';
