create or replace function sqlembed._check_options(
    timing text,
    on_change text,
    metric text,
    storage text,
    place text
)
returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform sqlembed._check_choice('timing', _check_options.timing, '{async,sync}');
    perform sqlembed._check_choice('on_change', _check_options.on_change, '{hide,keep}');
    perform sqlembed._check_choice('metric', _check_options.metric, '{cosine,euclidean,inner_product,l1}');
    if _check_options.storage is not null then
        perform sqlembed._check_choice('storage', _check_options.storage, '{vector,halfvec}');
    end if;
    perform sqlembed._check_choice('place', _check_options.place, '{row,side}');
    if _check_options.timing = 'sync' and _check_options.place = 'side' then
        raise exception 'sqlembed: timing ''sync'' with place ''side'' is not available in this version'
            using errcode = 'SE014', hint = 'Say place => ''row'', or timing => ''async''.';
    end if;
end
$function$;

comment on function sqlembed._check_options(text, text, text, text, text) is
    'An error when an option of a declaration is none of its choices, or does not go with another one.';
