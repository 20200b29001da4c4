create or replace function sqlembed._nearest_centroid(name text, features public.vector, num_numbers integer default 0)
returns integer
language plpgsql
stable
parallel safe
as $function$
declare
    model record;
    -- Few centroids are all in the first cell.
    cells integer[] := '{1}';
    nearest record;
begin
    select m.name, m.metric, m.cell_centers
    into model
    from sqlembed.cluster_model as m
    where m.name operator(pg_catalog.=) _nearest_centroid.name
        and m.dimensions operator(pg_catalog.=) public.vector_dims(_nearest_centroid.features)
        and pg_catalog.cardinality(m.number_means) operator(pg_catalog.=) _nearest_centroid.num_numbers;
    if model.cell_centers operator(pg_catalog.<>) '{}' then
        cells := array(
            select c.cell
            from pg_catalog.unnest(model.cell_centers) with ordinality as c(center, cell)
            order by
                case when model.metric operator(pg_catalog.=) 'cosine' then _nearest_centroid.features operator(public.<#>) c.center
                    else _nearest_centroid.features operator(public.<->) c.center
                end,
                c.cell
            limit 8
        );
    end if;
    select c.centroid_id, d.distance
    into nearest
    from sqlembed.cluster_centroid as c
    cross join lateral (
        select case when model.metric operator(pg_catalog.=) 'cosine' then _nearest_centroid.features operator(public.<#>) c.centroid
            else _nearest_centroid.features operator(public.<->) c.centroid
        end as distance
    ) as d
    where c.model operator(pg_catalog.=) model.name
        and c.cell operator(pg_catalog.=) any (cells)
    order by d.distance, c.centroid_id
    limit 1;
    -- A vector of zeros has no direction.
    if nearest.distance operator(pg_catalog.=) 0
        and model.metric operator(pg_catalog.=) 'cosine'
        and public.vector_norm(_nearest_centroid.features) operator(pg_catalog.=) 0
    then
        return null;
    end if;
    return nearest.centroid_id;
end
$function$;

comment on function sqlembed._nearest_centroid(text, public.vector, integer) is
    'Number of the centroid of a model that is nearest, of many as _nearest_in_cells_sql finds it; NULL without a direction under cosine, and when there is no such model, or for other dimensions or numbers.';
