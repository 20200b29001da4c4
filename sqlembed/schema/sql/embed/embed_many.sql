create or replace function sqlembed.embed(embedder text, inputs text[]) returns public.vector[]
language sql
stable
parallel restricted
as $function$
    select case
        when embed.inputs is not null then sqlembed._ask(
            embed.embedder,
            (select k.key from sqlembed.embedder_key as k where k.embedder operator(pg_catalog.=) embed.embedder),
            'query',
            embed.inputs
        )
    end
$function$;

comment on function sqlembed.embed(text, text[]) is
    'The vectors of several texts in one batch, in their order; NULL where a text is NULL, empty or blank.';
