create or replace function sqlembed._refuse_arguments(k integer, filter text, mode text) returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform sqlembed._check_choice('mode', _refuse_arguments.mode, '{vector,exact,hybrid,text}');
    if _refuse_arguments.mode in ('hybrid', 'text') then
        raise exception 'sqlembed: mode => % needs a text', quote_literal(_refuse_arguments.mode)
            using errcode = 'SE014', hint = 'A vector has no words. Give the text to sqlembed.search.';
    end if;
    if _refuse_arguments.k > 1000 then
        raise exception 'sqlembed: k must be 1000 or less, not %', _refuse_arguments.k
            using errcode = 'SE014', hint = 'With mode => ''exact'' it may be larger.';
    end if;
    if _refuse_arguments.k >= 1 then
        raise exception 'sqlembed: the filter is empty'
            using errcode = 'SE015', hint = 'To search all rows, leave it out or give NULL.';
    end if;
    raise exception 'sqlembed: k must be 1 or more, not %', coalesce(_refuse_arguments.k::text, 'NULL')
        using errcode = 'SE014', hint = 'k is the number of rows to find.';
end
$function$;

comment on function sqlembed._refuse_arguments(integer, text, text) is
    'The error for arguments that no search can have.';
