create or replace function sqlembed._check_dimensions(name text, dimensions integer, num_numbers integer default null) returns void
language plpgsql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
declare
    model sqlembed.cluster_model := sqlembed._cluster_model(_check_dimensions.name);
    model_numbers integer := cardinality(model.number_means);
begin
    if model.dimensions - model_numbers <> _check_dimensions.dimensions then
        raise exception 'sqlembed: cluster model % is for vectors of % dimensions, not %',
            quote_literal(model.name), model.dimensions - model_numbers, _check_dimensions.dimensions
            using errcode = 'SE014', hint = 'Give it vectors of the embedder that made those it was fitted on.';
    end if;
    if model_numbers <> _check_dimensions.num_numbers then
        raise exception 'sqlembed: cluster model % is for a vector and % numbers, not %',
            quote_literal(model.name), model_numbers, _check_dimensions.num_numbers
            using errcode = 'SE014',
                hint = 'Give them in the order of the query it was fitted on: numbers => array[longitude, latitude].';
    end if;
end
$function$;

comment on function sqlembed._check_dimensions(text, integer, integer) is
    'An error when there is no such cluster model, or when it is for vectors of other dimensions, or for other numbers beside them.';
