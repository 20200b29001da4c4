create or replace function sqlembed._refuse_clustered(relation regclass, vector_column name) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    clustering text := (
        select min(c.name)
        from sqlembed.clustering as c
        cross join lateral sqlembed._clustering_columns(c) as p
        where c.relation = _refuse_clustered.relation and p.vector_column = _refuse_clustered.vector_column
    );
begin
    if clustering is not null then
        raise exception 'sqlembed: the clustering % is of the vectors in % of %',
            quote_literal(clustering), quote_ident(_refuse_clustered.vector_column), _refuse_clustered.relation
            using errcode = 'SE021',
                hint = format(
                    'First: select sqlembed.drop_clustering(%L). Then it can be made of other vectors.', clustering
                );
    end if;
end
$function$;

comment on function sqlembed._refuse_clustered(regclass, name) is
    'An error when a clustering would lose its vectors.';
