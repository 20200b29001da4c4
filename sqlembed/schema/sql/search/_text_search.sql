create or replace function sqlembed._text_search(
    source anyelement,
    query text,
    k integer,
    target sqlembed.search_target,
    filter text
)
returns table (base anyelement, score double precision)
language plpgsql
stable
rows 10
as $function$
declare
    words record := sqlembed._plan_text(
        _text_search.target, _text_search.query, _text_search.filter, false
    );
begin
    return query
    select t.base, t.score
    from sqlembed._text_rows(
        _text_search.source, words.statement, words.wanted, words.words, _text_search.k, null,
        (_text_search.target).relation, _text_search.filter
    ) as t;
end
$function$;

comment on function sqlembed._text_search(anyelement, text, integer, sqlembed.search_target, text) is
    'The k rows that match a text best by its words, best first.';
