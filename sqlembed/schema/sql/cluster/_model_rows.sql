create or replace function sqlembed._model_rows(name text, query text) returns text
language plpgsql
stable
as $function$
declare
    model sqlembed.cluster_model := sqlembed._cluster_model(_model_rows.name);
    source record := sqlembed._cluster_rows(_model_rows.query);
    num_numbers integer := pg_catalog.cardinality(model.number_means);
begin
    if source.num_numbers operator(pg_catalog.<>) num_numbers then
        raise exception 'sqlembed: cluster model % is for a vector and % numbers, but the query has % columns',
            pg_catalog.quote_literal(model.name), num_numbers, source.num_numbers operator(pg_catalog.+) 2
            using errcode = 'SE014', hint = 'The columns must be those it was fitted on: id, vector, then the numbers in their order.';
    end if;
    return sqlembed._features_sql(
        source.rows, model.dimensions operator(pg_catalog.-) num_numbers, model.embedding_scale, model.number_means,
        model.number_scales
    );
end
$function$;

comment on function sqlembed._model_rows(text, text) is
    'SQL that gives the rows of a query as (id, embedding), the numbers beside the vectors made part of them as when the model was fitted.';
