create or replace function sqlembed._check_search(
    function_name text,
    k integer,
    filter text,
    mode text,
    diversity double precision,
    after_distance double precision,
    after_key jsonb
)
returns boolean
language plpgsql
immutable
as $function$
declare
    by_words boolean := _check_search.mode in ('hybrid', 'text')
        and _check_search.function_name operator(pg_catalog.=) 'search';
begin
    if (_check_search.mode in ('vector', 'exact') or by_words)
        and _check_search.k operator(pg_catalog.>=) 1
        and (_check_search.k operator(pg_catalog.<=) 1000 or _check_search.mode operator(pg_catalog.=) 'exact')
        and (_check_search.filter is null or not sqlembed._blank(_check_search.filter))
        and _check_search.diversity is null
        and _check_search.after_distance is null
        and _check_search.after_key is null
    then
        return true;
    end if;

    perform sqlembed._check_choice('mode', _check_search.mode, '{vector,exact,hybrid,text}');
    if _check_search.mode in ('hybrid', 'text') and _check_search.function_name operator(pg_catalog.=) 'explain_search' then
        raise exception 'sqlembed: mode => % is not explained', pg_catalog.quote_literal(_check_search.mode)
            using errcode = 'SE014',
                hint = 'Of a hybrid search, the vectors'' half goes as mode => ''vector'' with twice its k, 100 at least.';
    end if;
    if _check_search.mode in ('hybrid', 'text') and not by_words then
        raise exception 'sqlembed: mode => % needs a text', pg_catalog.quote_literal(_check_search.mode)
            using errcode = 'SE014', hint = 'A vector has no words. Give the text to sqlembed.search.';
    end if;
    if (_check_search.k operator(pg_catalog.>=) 1) is not true then
        raise exception 'sqlembed: k must be 1 or more, not %', coalesce(_check_search.k::text, 'NULL')
            using errcode = 'SE014', hint = 'k is the number of rows to find.';
    end if;
    if _check_search.k operator(pg_catalog.>) 1000 and _check_search.mode operator(pg_catalog.<>) 'exact' then
        raise exception 'sqlembed: k must be 1000 or less, not %', _check_search.k
            using errcode = 'SE014', hint = 'With mode => ''exact'' it may be larger.';
    end if;
    if sqlembed._blank(_check_search.filter) and _check_search.filter is not null then
        raise exception 'sqlembed: the filter is empty'
            using errcode = 'SE015', hint = 'To search all rows, leave it out or give NULL.';
    end if;
    if by_words and (
        _check_search.diversity is not null or _check_search.after_distance is not null or _check_search.after_key is not null
    ) then
        raise exception 'sqlembed: mode => % takes neither diversity nor pages', pg_catalog.quote_literal(_check_search.mode)
            using errcode = 'SE014', hint = 'Ask for a larger k, or for mode => ''vector'' or ''exact''.';
    end if;
    if _check_search.diversity is not null then
        if (_check_search.diversity between 0 and 1) is not true then
            raise exception 'sqlembed: diversity must be between 0 and 1, not %', _check_search.diversity
                using errcode = 'SE014', hint = '0 is the nearest rows, 1 the most unlike each other; 0.5 is a fair start.';
        end if;
        if _check_search.k operator(pg_catalog.>) 1000 then
            raise exception 'sqlembed: with diversity k must be 1000 or less, not %', _check_search.k
                using errcode = 'SE014', hint = 'Leave diversity out.';
        end if;
        if _check_search.after_distance is not null or _check_search.after_key is not null then
            raise exception 'sqlembed: rows chosen for diversity have no next page'
                using errcode = 'SE014', hint = 'Ask for a larger k, or leave diversity out.';
        end if;
    end if;
    if (_check_search.after_distance is null) operator(pg_catalog.<>) (_check_search.after_key is null) then
        raise exception 'sqlembed: after_distance and after_key belong together'
            using errcode = 'SE014',
                hint = 'Give those of the last row seen: after_distance => distance, after_key => jsonb_build_array((base).id).';
    end if;
    return true;
end
$function$;

comment on function sqlembed._check_search(text, integer, text, text, double precision, double precision, jsonb) is
    'True, or the error for arguments that no search can have.';
