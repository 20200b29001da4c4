create or replace function sqlembed._model_query(model sqlembed.cluster_model) returns text
language plpgsql
stable
as $function$
declare
    known record;
begin
    select c.relation, p.vector_column
    into known
    from sqlembed.clustering as c
    cross join lateral sqlembed._clustering_columns(c) as p
    where c.name operator(pg_catalog.=) (_model_query.model).name;
    if known.relation is null then
        return (_model_query.model).query;
    end if;
    if known.vector_column is null then
        raise exception 'sqlembed: the vectors of clustering % are gone', pg_catalog.quote_literal((_model_query.model).name)
            using errcode = 'SE013',
                hint = pg_catalog.format('Drop it: select sqlembed.drop_clustering(%L).', (_model_query.model).name);
    end if;
    -- Its table and columns may have been renamed since, and another column may have got the name.
    return sqlembed._clustering_query(known.relation, known.vector_column);
end
$function$;

comment on function sqlembed._model_query(sqlembed.cluster_model) is
    'The query whose rows a model is fitted on; of a clustering in the present names.';
