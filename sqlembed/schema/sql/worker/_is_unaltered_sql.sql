create or replace function sqlembed._is_unaltered_sql(declared sqlembed.embedding) returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $function$
    -- Not correlated, so looked up once a statement. Its snapshot is younger than its locks, and altering
    -- takes a lock that excludes writers: what is current here stays so until the vectors are written.
    select format(
        '(select sqlembed._is_unaltered(%s, %L, %L, %L, %L))',
        (_is_unaltered_sql.declared).id,
        (_is_unaltered_sql.declared).embedder,
        (_is_unaltered_sql.declared).source,
        (_is_unaltered_sql.declared).storage,
        (_is_unaltered_sql.declared).chunking
    )
$function$;

comment on function sqlembed._is_unaltered_sql(sqlembed.embedding) is
    'The condition that an embedding is still declared as when a worker took its jobs: a vector computed for what it was before must not be written any more.';

revoke execute on function sqlembed._is_unaltered_sql(sqlembed.embedding) from public;
