create or replace function sqlembed._model_index(name text) returns sqlembed.centroid_index
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    model sqlembed.cluster_model := sqlembed._cluster_model(_model_index.name);
begin
    if cardinality(model.cell_centers) = 0 then
        return null;
    end if;
    return row(
        model.cell_centers,
        array(
            select row(
                array_agg(c.centroid_id order by c.centroid_id), array_agg(c.centroid order by c.centroid_id)
            )::sqlembed.centroid_cell
            from sqlembed.cluster_centroid as c
            where c.model = model.name
            group by c.cell
            order by c.cell
        )
    );
end
$function$;

comment on function sqlembed._model_index(text) is
    'The index of a model''s centroids, where there are so many that it has one; else NULL.';
