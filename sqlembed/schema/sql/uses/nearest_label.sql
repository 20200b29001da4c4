create or replace function sqlembed.nearest_label(
    relation regclass,
    input text,
    label_column name,
    k integer default 10,
    embedding name default null,
    filter text default null,
    mode text default 'vector'
)
returns table (label text, confidence double precision, neighbours bigint, distance double precision)
language plpgsql
stable
parallel restricted
rows 1
as $function$
declare
    declared sqlembed.embedding := sqlembed._embedding_of(nearest_label.relation, nearest_label.embedding);
    vectors public.vector[];
begin
    perform sqlembed._check_label_column(nearest_label.relation, nearest_label.label_column);
    if sqlembed._blank(nearest_label.input) then
        return;
    end if;
    -- As a document: it is compared with rows as one of them, not as a question about them.
    vectors := sqlembed._ask(
        declared.embedder,
        (select k.key from sqlembed.embedder_key as k where k.embedder operator(pg_catalog.=) declared.embedder),
        'document',
        array[nearest_label.input]
    );
    return query
    select l.label, l.confidence, l.neighbours, l.distance
    from sqlembed.nearest_label(
        nearest_label.relation, vectors[1], nearest_label.label_column, nearest_label.k, declared.name,
        nearest_label.filter, nearest_label.mode
    ) as l;
end
$function$;

comment on function sqlembed.nearest_label(regclass, text, name, integer, name, text, text) is
    'The label that the k labelled rows nearest to a text have, the nearer the more: each counts from 1 for the nearest of them to 0 for the last (Dudani 1976). confidence is the label''s share of all k, neighbours how many of them have it, distance that of the nearest of these. No row for blank text, and where no row has a label.';
