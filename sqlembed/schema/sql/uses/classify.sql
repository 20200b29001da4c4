create or replace function sqlembed.classify(
    embedder text,
    input text,
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
declare
    vectors public.vector[];
begin
    perform sqlembed._check_labels(classify.labels, classify.template, classify.temperature);
    if sqlembed._blank(classify.input) then
        return;
    end if;
    -- In one batch, and all as documents: a text is compared with texts of its kind.
    vectors := sqlembed._ask(
        classify.embedder,
        (select k.key from sqlembed.embedder_key as k where k.embedder operator(pg_catalog.=) classify.embedder),
        'document',
        array[classify.input] operator(pg_catalog.||) sqlembed._label_texts(classify.labels, classify.template)
    );
    return query
    select s.label, s.similarity, s.score
    from sqlembed._label_scores(vectors[1], classify.labels, vectors[2:], classify.temperature) as s;
end
$function$;

comment on function sqlembed.classify(text, text, text[], text, double precision) is
    'Which of some labels fits a text, nobody having given examples, best first: similarity is the cosine of text and label, score its share of them all (softmax of similarity / temperature). template puts labels into a sentence: ''This text is about {}.''. No rows for blank text.';
