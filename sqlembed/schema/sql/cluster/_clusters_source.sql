create or replace function sqlembed._clusters_source(
    relation regclass,
    embedding name,
    out from_clause text,
    out vector text,
    out key text,
    out metric text
)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    -- Of what is declared alone: its owner was granted an embedder, and may have workers run their code.
    declared sqlembed.embedding := sqlembed._embedding_of(_clusters_source.relation, _clusters_source.embedding);
begin
    select k.expression into _clusters_source.key from sqlembed._key_sql(_clusters_source.relation) as k;
    if _clusters_source.key is null then
        raise exception 'sqlembed: % has no primary key', _clusters_source.relation
            using errcode = 'SE010', hint = 'Rows are told apart by it: alter table … add primary key.';
    end if;
    if declared.chunking is not null then
        raise exception 'sqlembed: embedding % of % has a vector for each chunk, not for each row',
            quote_ident(declared.name), _clusters_source.relation
            using errcode = 'SE013', hint = 'A label belongs to a row: declare a second embedding, without chunking.';
    end if;
    _clusters_source.metric := declared.metric;
    -- The table itself is not asked, not even by a plan: this may run with the rights of the owner of
    -- sqlembed, and what is constant in an index or a policy is computed by whoever plans.
    if declared.side is null then
        _clusters_source.from_clause := format('%s as r', declared.relation);
        _clusters_source.vector := format('r.%I', sqlembed._vector_name(declared));
    else
        select s.from_clause, s.vector
        into _clusters_source.from_clause, _clusters_source.vector
        from sqlembed._side_source(declared, 'r') as s;
    end if;
end
$function$;

comment on function sqlembed._clusters_source(regclass, name) is
    'Where the vectors of an embedding are that a worker is to cluster: what to select from, the vector and the key of row r there, and the metric, as SQL.';
