create or replace function sqlembed._features(name text, embedding public.vector, numbers double precision[])
returns public.vector
language plpgsql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
declare
    model sqlembed.cluster_model;
begin
    if cardinality(_features.numbers) = 0 then
        return _features.embedding;
    end if;
    perform sqlembed._check_dimensions(
        _features.name, public.vector_dims(_features.embedding), cardinality(_features.numbers)
    );
    model := sqlembed._cluster_model(_features.name);
    return _features.embedding operator(public.*)
        array_fill(model.embedding_scale::real, array[public.vector_dims(_features.embedding)])::public.vector
        operator(public.||) array(
            select (coalesce(n.number, n.mean) - n.mean) * n.scale
            from unnest(_features.numbers, model.number_means, model.number_scales) with ordinality
                as n(number, mean, scale, place)
            order by n.place
        )::public.vector;
end
$function$;

comment on function sqlembed._features(text, public.vector, double precision[]) is
    'A vector and the numbers beside it as the one vector that a model compares with its centroids.';
