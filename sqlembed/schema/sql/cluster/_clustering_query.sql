create or replace function sqlembed._clustering_query(relation regclass, vector_column name) returns text
language sql
stable
as $function$
    select pg_catalog.format(
        'select %s, r.%I from %s as r',
        coalesce((select k.expression from sqlembed._key_sql(_clustering_query.relation, 'r.') as k), 'r.ctid'),
        _clustering_query.vector_column, _clustering_query.relation
    )
$function$;

comment on function sqlembed._clustering_query(regclass, name) is
    'The query whose rows a clustering is fitted on.';
