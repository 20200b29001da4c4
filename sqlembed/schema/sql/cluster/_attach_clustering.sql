create or replace function sqlembed._attach_clustering(
    name text,
    relation regclass,
    vector_column name,
    cluster_column name
)
returns sqlembed.clustering
language plpgsql
volatile
as $function$
declare
    known sqlembed.clustering;
begin
    insert into sqlembed.clustering (name, relation, vector_number, cluster_number)
    select _attach_clustering.name, _attach_clustering.relation, v.attnum, n.attnum
    from pg_catalog.pg_attribute as v
    join pg_catalog.pg_attribute as n on n.attrelid operator(pg_catalog.=) v.attrelid
    where v.attrelid operator(pg_catalog.=) _attach_clustering.relation
        and v.attname operator(pg_catalog.=) _attach_clustering.vector_column
        and n.attname operator(pg_catalog.=) _attach_clustering.cluster_column;
    known := sqlembed._clustering_of(_attach_clustering.name);
    -- Their names sort last, so that they see the vector as other triggers leave it.
    execute pg_catalog.format(
        'create trigger %I before insert on %s for each row when (new.%I is not null)
        execute function sqlembed._keep_cluster(%s)',
        'zzz_sqlembed_cluster_insert_' operator(pg_catalog.||) known.id::pg_catalog.text, known.relation,
        _attach_clustering.vector_column, known.id
    );
    execute pg_catalog.format(
        'create trigger %I before update on %s for each row
        when (not pg_catalog.record_image_eq(row(old.%3$I), row(new.%3$I)))
        execute function sqlembed._keep_cluster(%4$s)',
        'zzz_sqlembed_cluster_update_' operator(pg_catalog.||) known.id::pg_catalog.text, known.relation,
        _attach_clustering.vector_column, known.id
    );
    return known;
end
$function$;

comment on function sqlembed._attach_clustering(text, regclass, name, name) is
    'Keep a column of clusters up to date by a vector column and the model of that name: rows that are there are left as they are.';
