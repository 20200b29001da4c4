create or replace function sqlembed._index_sql(
    name name,
    holder regclass,
    vector_column name,
    index text,
    options jsonb,
    storage text,
    dimensions integer,
    metric text
)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    select format(
        'create index %son %s using hnsw (%s public.%s)%s',
        quote_ident(_index_sql.name) || ' ',
        _index_sql.holder,
        i.expression,
        i.operator_class,
        ' with (' || array_to_string(nullif(sqlembed._index_parameters(_index_sql.options), '{}'), ', ') || ')'
    )
    from sqlembed._indexed(
        _index_sql.index, _index_sql.options, _index_sql.storage, _index_sql.dimensions, _index_sql.metric,
        quote_ident(_index_sql.vector_column)
    ) as i
$function$;

comment on function sqlembed._index_sql(name, regclass, name, text, jsonb, text, integer, text) is
    'The statement that builds an index of vectors; name NULL leaves its name to PostgreSQL.';
