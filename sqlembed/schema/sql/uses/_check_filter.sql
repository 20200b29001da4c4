create or replace function sqlembed._check_filter(filter text) returns void
language plpgsql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
begin
    if _check_filter.filter is not null and sqlembed._blank(_check_filter.filter) then
        raise exception 'sqlembed: the filter is empty'
            using errcode = 'SE015', hint = 'For all rows, leave it out or give NULL.';
    end if;
end
$function$;

comment on function sqlembed._check_filter(text) is
    'An error when a filter is empty.';
