create or replace function sqlembed._vector_source(
    relation regclass,
    embedding name,
    wanted_metric text,
    row_name name,
    out from_clause text,
    out vector text,
    out key text,
    out embedder text,
    out metric text,
    out is_indexed boolean
)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    target record;
    declared sqlembed.embedding;
    vector_column name;
begin
    select coalesce(_vector_source.row_name, c.relname) as row_name, c.relname, format('%I.%I', n.nspname, c.relname) as full_name
    into target
    from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace
    where c.oid = _vector_source.relation;
    if target.relname is null then
        raise exception 'sqlembed: there is no table %', coalesce(_vector_source.relation::text, 'NULL')
            using errcode = 'SE014', hint = 'Name the table whose vectors are meant.';
    end if;
    select k.expression
    into _vector_source.key
    from sqlembed._key_sql(_vector_source.relation, quote_ident(target.row_name) || '.') as k;
    if _vector_source.key is null then
        raise exception 'sqlembed: % has no primary key', _vector_source.relation
            using errcode = 'SE010', hint = 'Rows are told apart by it: alter table … add primary key.';
    end if;

    if (
        select count(*) from sqlembed.embedding as e
        where e.relation = _vector_source.relation
            and e.name = coalesce(_vector_source.embedding, e.name)
            and (_vector_source.embedding is not null or e.generation = 'current')
    ) = 1 then
        declared := sqlembed._embedding_of(_vector_source.relation, _vector_source.embedding);
        -- As a search does: what it is called now, and until the end.
        perform sqlembed._hold(_vector_source.relation);
        declared.name := sqlembed._vector_name(declared);
    end if;
    if declared.chunking is not null then
        raise exception 'sqlembed: embedding % of % has a vector for each chunk, not for each row',
            quote_ident(declared.name), _vector_source.relation
            using errcode = 'SE013',
                hint = format('Name the table of the chunks instead: %L.', declared.side);
    end if;
    vector_column := coalesce(declared.name, sqlembed._vector_column(_vector_source.relation, _vector_source.embedding));
    _vector_source.embedder := declared.embedder;
    _vector_source.metric := coalesce(_vector_source.wanted_metric, declared.metric, 'cosine');
    if declared.side is null then
        _vector_source.from_clause := format('%s as %I', target.full_name, target.row_name);
        _vector_source.vector := format('%I.%I', target.row_name, vector_column);
    else
        select s.from_clause, s.vector
        into _vector_source.from_clause, _vector_source.vector
        from sqlembed._side_source(declared, target.row_name) as s;
    end if;
    select sqlembed._has_index(
        a.attrelid,
        quote_ident(vector_column),
        (sqlembed._indexed('hnsw', null, t.typname, null, _vector_source.metric, vector_column)).operator_class
    )
    into _vector_source.is_indexed
    from pg_attribute as a
    join pg_type as t on t.oid = a.atttypid
    where a.attrelid = coalesce(declared.side, _vector_source.relation)
        and a.attname = vector_column;
end
$function$;

comment on function sqlembed._vector_source(regclass, name, text, name) is
    'Where the vectors of a table are, declared as an embedding or not: what to select from (the table under its own name, which filters use, unless another is given), the vector and the key there, as SQL, the embedder and the metric if declared, and whether an index knows the metric.';
