create or replace function sqlembed.training_info(name text)
returns table (iteration integer, loss double precision, num_rows bigint)
language plpgsql
stable
parallel safe
rows 20
set search_path = pg_catalog, pg_temp
as $function$
declare
    model sqlembed.cluster_model := sqlembed._cluster_model(training_info.name);
begin
    return query
        select t.place::integer, t.mean * model.training_rows[cardinality(model.training_rows)], t.seen
        from unnest(model.training_loss, model.training_rows) with ordinality as t(mean, seen, place);
end
$function$;

comment on function sqlembed.training_info(text) is
    'Loss after each iteration of a model''s fit, and how many rows that iteration looked at: a part of a sample, the sample, or all rows, to which the loss is extrapolated. The last is the model''s loss.';
