create or replace function sqlembed._label_rows(known sqlembed.clustering) returns void
language plpgsql
volatile
set jit = off
as $function$
declare
    columns record;
begin
    select c.* into columns from sqlembed._clustering_columns(_label_rows.known) as c;
    -- By where rows lie: a table need not have a key.
    execute pg_catalog.format(
        $sql$
        update %1$s as r
        set %2$I = a.centroid_id
        from (%3$s) as a
        where a.id operator(pg_catalog.=) (r.tableoid::pg_catalog.text operator(pg_catalog.||) r.ctid::pg_catalog.text)
            and (r.%2$I operator(pg_catalog.=) a.centroid_id) is not true
            and (r.%2$I is not null or a.centroid_id is not null)
        $sql$,
        (_label_rows.known).relation, columns.cluster_column,
        sqlembed._assigned_sql(
            (_label_rows.known).name,
            pg_catalog.format(
                'select r.tableoid::pg_catalog.text operator(pg_catalog.||) r.ctid::pg_catalog.text, r.%I from %s as r',
                columns.vector_column, (_label_rows.known).relation
            ),
            false
        )
    )
    using sqlembed._model_index((_label_rows.known).name);
end
$function$;

comment on function sqlembed._label_rows(sqlembed.clustering) is
    'Write the cluster of every row of a clustering''s table, where it is another.';
