create or replace function sqlembed._read_chunks_sql(declared sqlembed.embedding) returns text
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    -- $1: keys, $2: sha256 of their texts. A row whose text is still the one of its chunks is to be embedded
    -- anew: somebody has asked for it.
    select format(
        'select r.chunk_hash, r.%I::public.vector
        from rows from (unnest($1), unnest($2)) as k (key, hash)
        join %s as r on %s
        where r.source_hash <> k.hash and r.%1$I is not null',
        (select p.vector from sqlembed._present_columns(_read_chunks_sql.declared) as p),
        (_read_chunks_sql.declared).side,
        (
            select k.match
            from sqlembed._key_sql(
                (_read_chunks_sql.declared).side, length => cardinality((_read_chunks_sql.declared).key_columns)
            ) as k
        )
    )
$function$;

comment on function sqlembed._read_chunks_sql(sqlembed.embedding) is
    'The statement with which a worker reads the vectors that chunks of changed rows have already. For _describe_embedding.';

revoke execute on function sqlembed._read_chunks_sql(sqlembed.embedding) from public;
