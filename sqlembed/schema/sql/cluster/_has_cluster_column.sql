create or replace function sqlembed._has_cluster_column(relation regclass, cluster_column name, types regtype[]) returns boolean
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    problem text;
    keeper text;
begin
    if _has_cluster_column.cluster_column is null then
        raise exception 'sqlembed: NULL names no column for the clusters'
            using errcode = 'SE014', hint = 'It is added if it is missing.';
    end if;
    select case
        when a.attnum < 0 then 'is a system column'
        when a.atttypid <> all (_has_cluster_column.types::oid[]) then format('is of type %s', format_type(a.atttypid, a.atttypmod))
        when a.attgenerated <> '' or a.attidentity <> '' then 'is written by PostgreSQL itself'
        when a.attnotnull then 'may not be NULL, which stands for no cluster'
    end
    into problem
    from pg_attribute as a
    where a.attrelid = _has_cluster_column.relation and a.attname = _has_cluster_column.cluster_column and not a.attisdropped;
    if not found then
        return false;
    end if;
    keeper := (
        select min(c.name)
        from sqlembed.clustering as c
        cross join lateral sqlembed._clustering_columns(c) as p
        where c.relation = _has_cluster_column.relation and p.cluster_column = _has_cluster_column.cluster_column
    );
    if keeper is not null then
        problem := format('is kept by the clustering %L', keeper);
    end if;
    if problem is not null then
        raise exception 'sqlembed: column % of % cannot hold clusters: it %',
            quote_ident(_has_cluster_column.cluster_column), _has_cluster_column.relation, problem
            using errcode = 'SE011',
                hint = 'It must be a plain integer of its own that may be NULL. Name another: it is added if it is missing.';
    end if;
    return true;
end
$function$;

comment on function sqlembed._has_cluster_column(regclass, name, regtype[]) is
    'Whether a table has a column of a name, or an error when clusters cannot be written there.';
