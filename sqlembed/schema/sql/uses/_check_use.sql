create or replace function sqlembed._check_use(is_possible boolean, problem text, hint text) returns void
language plpgsql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
begin
    if _check_use.is_possible is not true then
        raise exception 'sqlembed: %', _check_use.problem using errcode = 'SE014', hint = _check_use.hint;
    end if;
end
$function$;

comment on function sqlembed._check_use(boolean, text, text) is
    'An error about an argument, unless it is possible.';
