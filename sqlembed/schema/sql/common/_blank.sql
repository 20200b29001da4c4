create or replace function sqlembed._blank(input text) returns boolean
language sql
immutable
parallel safe
as $function$
    select _blank.input is null or _blank.input operator(pg_catalog.!~) '[^[:space:]]'
$function$;

comment on function sqlembed._blank(text) is
    'Whether a text is NULL, empty or only white space: such a text gets no vector.';
