create or replace function sqlembed._explain_use(
    state text,
    problem text,
    pg_hint text,
    relation regclass,
    filter text
)
returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
begin
    if _explain_use.state = '22000' and _explain_use.problem ~ '^different [a-z]+ dimensions' then
        raise exception 'sqlembed: the vectors of % are of different dimensions', _explain_use.relation
            using errcode = 'SE014',
                detail = _explain_use.problem,
                hint = 'Only vectors of one embedder are comparable. A filter can leave out others: vector_dims(column) = 3.';
    end if;
    perform sqlembed._explain_failure(
        _explain_use.state, _explain_use.problem, _explain_use.pg_hint, _explain_use.relation, _explain_use.filter, null
    );
end
$function$;

comment on function sqlembed._explain_use(text, text, text, regclass, text) is
    'Raise an error again, in words, where the vectors of a table or the filter are to blame for it; otherwise nothing.';
