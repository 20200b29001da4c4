create or replace function sqlembed._explain_dimensions(name text, state text, problem text) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    -- pgvector has one code for all it refuses. The vector of the row stands before the centroid.
    others text := substring(_explain_dimensions.problem from '^different [a-z]+ dimensions ([0-9]+) and [0-9]+$');
begin
    if _explain_dimensions.state = '22000' and others is not null then
        perform sqlembed._check_dimensions(_explain_dimensions.name, others::integer);
    end if;
end
$function$;

comment on function sqlembed._explain_dimensions(text, text, text) is
    'An error in the words of a cluster model when pgvector refused to compare a row with its centroids; else nothing.';
