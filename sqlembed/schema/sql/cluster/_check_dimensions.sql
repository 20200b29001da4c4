create or replace function sqlembed._check_dimensions(name text, dimensions integer) returns void
language plpgsql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
declare
    model sqlembed.cluster_model := sqlembed._cluster_model(_check_dimensions.name);
begin
    if model.dimensions <> _check_dimensions.dimensions then
        raise exception 'sqlembed: cluster model % is for vectors of % dimensions, not %',
            quote_literal(model.name), model.dimensions, _check_dimensions.dimensions
            using errcode = 'SE014', hint = 'Give it vectors of the embedder that made those it was fitted on.';
    end if;
end
$function$;

comment on function sqlembed._check_dimensions(text, integer) is
    'An error when there is no such cluster model, or when it is for vectors of other dimensions.';
