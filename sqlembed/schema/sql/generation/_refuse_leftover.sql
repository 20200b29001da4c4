create or replace function sqlembed._refuse_leftover(found text) returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $function$
begin
    raise exception 'sqlembed: there is % already, and the next generation would stand there', _refuse_leftover.found
        using errcode = 'SE011', hint = 'Rename it, or drop it.';
end
$function$;

comment on function sqlembed._refuse_leftover(text) is
    'The error for a column or table whose name the next generation is to have.';
