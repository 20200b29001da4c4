create or replace function sqlembed._is_unaltered(
    embedding integer,
    embedder text,
    source text,
    storage text,
    chunking jsonb
)
returns boolean
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    -- Workers may not look themselves: they have row security off, which makes it an error.
    select exists (
        select
        from sqlembed.embedding as e
        where e.id = _is_unaltered.embedding
            and e.embedder = _is_unaltered.embedder
            and e.source = _is_unaltered.source
            and e.storage = _is_unaltered.storage
            and e.chunking is not distinct from _is_unaltered.chunking
    )
$function$;

comment on function sqlembed._is_unaltered(integer, text, text, text, jsonb) is
    'Whether an embedding is still declared as a worker was told. For _is_unaltered_sql.';

revoke execute on function sqlembed._is_unaltered(integer, text, text, text, jsonb) from public;
