create or replace function sqlembed._text_rows(
    source anyelement,
    statement text,
    wanted tsquery,
    words tsquery[],
    k integer,
    query_vector public.vector,
    relation regclass,
    filter text
)
returns table (base anyelement, distance double precision, chunk text, score double precision)
language plpgsql
stable
rows 10
-- Compiling one expression a word takes longer than computing it.
set jit = off
as $function$
declare
    problem text;
    pg_hint text;
begin
    if _text_rows.statement is not null then
        return query execute _text_rows.statement
        using _text_rows.wanted, _text_rows.words, _text_rows.k, _text_rows.query_vector;
    end if;
exception
    when others then
        get stacked diagnostics problem = message_text, pg_hint = pg_exception_hint;
        perform sqlembed._explain_failure(sqlstate, problem, pg_hint, _text_rows.relation, _text_rows.filter, null);
        raise;
end
$function$;

comment on function sqlembed._text_rows(anyelement, text, tsquery, tsquery[], integer, public.vector, regclass, text) is
    'The k rows that match a text query best, best first, with their distance to a vector unless that is NULL. The filter runs with the rights and the search_path of the caller.';
