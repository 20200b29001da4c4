create or replace function sqlembed._refuse_clustered(declared sqlembed.embedding, vector_column name) returns void
language plpgsql
stable
as $function$
declare
    -- A side table goes as a whole.
    kept text := (
        select min(c.name)
        from sqlembed.clustering as c
        left join pg_catalog.pg_attribute as v
            on v.attrelid operator(pg_catalog.=) c.relation
            and v.attnum operator(pg_catalog.=) c.vector_number
            and not v.attisdropped
        where c.relation operator(pg_catalog.=) coalesce((_refuse_clustered.declared).side, (_refuse_clustered.declared).relation)
            and ((_refuse_clustered.declared).side is not null or v.attname operator(pg_catalog.=) _refuse_clustered.vector_column)
    );
begin
    if kept is not null then
        raise exception 'sqlembed: the clusters of % go by vectors that would be dropped', pg_catalog.quote_literal(kept)
            using errcode = 'SE021',
                hint = pg_catalog.concat(
                    case
                        when (_refuse_clustered.declared).generation operator(pg_catalog.<>) 'current'
                            and (_refuse_clustered.declared).side is null
                        then pg_catalog.format('To fit them to the current ones: select sqlembed.refit_clustering(%L). ', kept)
                    end,
                    pg_catalog.format('To stop keeping them: select sqlembed.drop_clustering(%L).', kept)
                );
    end if;
end
$function$;

comment on function sqlembed._refuse_clustered(sqlembed.embedding, name) is
    'An error when a column of clusters is kept up to date by the vectors of an embedding.';
