create or replace function sqlembed.embed(embedder text, input text) returns public.vector
language sql
stable
parallel restricted
as $function$
    select case
        when not sqlembed._blank(embed.input) then (
            sqlembed._ask(
                embed.embedder,
                (select k.key from sqlembed.embedder_key as k where k.embedder operator(pg_catalog.=) embed.embedder),
                'query',
                array[embed.input]
            )
        )[1]
    end
$function$;

comment on function sqlembed.embed(text, text) is
    'The vector of a text; NULL for NULL, empty and blank text. Write it as a scalar sub-select, (select sqlembed.embed(...)), so that it runs once a statement.';
