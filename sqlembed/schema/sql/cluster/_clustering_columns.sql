create or replace function sqlembed._clustering_columns(known sqlembed.clustering)
returns table (vector_column name, cluster_column name)
language sql
stable
rows 1
as $function$
    -- Numbers survive a change of name. Of a table that was restored from a dump they mean nothing.
    -- Without a search_path of its own, so that it becomes part of the query.
    select
        (
            select a.attname
            from pg_catalog.pg_attribute as a
            where a.attrelid operator(pg_catalog.=) (_clustering_columns.known).relation
                and a.attnum operator(pg_catalog.>) 0
                and not a.attisdropped
                and case
                    when (_clustering_columns.known).numbered_in operator(pg_catalog.=) (_clustering_columns.known).relation::pg_catalog.oid
                    then a.attnum operator(pg_catalog.=) (_clustering_columns.known).vector_number
                    else a.attname operator(pg_catalog.=) (_clustering_columns.known).vector_column
                end
        ),
        (
            select a.attname
            from pg_catalog.pg_attribute as a
            where a.attrelid operator(pg_catalog.=) (_clustering_columns.known).relation
                and a.attnum operator(pg_catalog.>) 0
                and not a.attisdropped
                and case
                    when (_clustering_columns.known).numbered_in operator(pg_catalog.=) (_clustering_columns.known).relation::pg_catalog.oid
                    then a.attnum operator(pg_catalog.=) (_clustering_columns.known).cluster_number
                    else a.attname operator(pg_catalog.=) (_clustering_columns.known).cluster_column
                end
        )
$function$;

comment on function sqlembed._clustering_columns(sqlembed.clustering) is
    'What the columns of a clustering are called now; NULL for one that is gone.';
