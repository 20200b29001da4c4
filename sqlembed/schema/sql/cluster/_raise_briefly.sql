create or replace function sqlembed._raise_briefly(state text, problem text, detail text, hint text) returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $function$
begin
    if _raise_briefly.detail <> '' and _raise_briefly.hint <> '' then
        raise exception using errcode = _raise_briefly.state, message = _raise_briefly.problem,
            detail = _raise_briefly.detail, hint = _raise_briefly.hint;
    elsif _raise_briefly.detail <> '' then
        raise exception using errcode = _raise_briefly.state, message = _raise_briefly.problem,
            detail = _raise_briefly.detail;
    elsif _raise_briefly.hint <> '' then
        raise exception using errcode = _raise_briefly.state, message = _raise_briefly.problem, hint = _raise_briefly.hint;
    else
        raise exception using errcode = _raise_briefly.state, message = _raise_briefly.problem;
    end if;
end
$function$;

comment on function sqlembed._raise_briefly(text, text, text, text) is
    'Raise an error anew without where it happened: statements that hold all centroids would fill clients and logs.';
