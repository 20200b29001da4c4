create or replace function sqlembed._wanted_dimensions(embedder text, dimensions integer) returns integer
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    registered integer := (select e.dimensions from sqlembed.embedder as e where e.name = _wanted_dimensions.embedder);
begin
    if registered is null then
        if _wanted_dimensions.dimensions is null
            or not has_function_privilege('sqlembed._register_name(text, integer)', 'execute')
        then
            raise exception 'sqlembed: unknown embedder %', quote_nullable(_wanted_dimensions.embedder)
                using errcode = 'SE001',
                    hint = coalesce(
                        'Known: ' || (select string_agg(e.name, ', ' order by e.name) from sqlembed.embedder as e) || '.',
                        'None is registered yet.'
                    ) || ' Start a worker that serves it once, or say its dimensions too.';
        end if;
        perform sqlembed._register_name(_wanted_dimensions.embedder, _wanted_dimensions.dimensions);
        return _wanted_dimensions.dimensions;
    end if;
    if _wanted_dimensions.dimensions <> registered then
        raise exception 'sqlembed: embedder % makes % dimensions, not %',
            quote_ident(_wanted_dimensions.embedder), registered, _wanted_dimensions.dimensions
            using errcode = 'SE011', hint = 'Name an embedder that makes as many, or leave the dimensions out.';
    end if;
    return registered;
end
$function$;

comment on function sqlembed._wanted_dimensions(text, integer) is
    'The dimensions of an embedder; one that nobody has registered is made known with those that are said.';
