create or replace function sqlembed._moved_keys()
returns table (embedding integer, relation regclass, name name, expression text)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select e.id, e.relation, e.name, k.expression
    from sqlembed.embedding as e
    cross join lateral sqlembed._key_sql(e.relation) as k
    where k.columns is not null
        and (k.columns, sqlembed._column_types(e.relation, k.columns)) is distinct from (e.key_columns, e.key_types)
$function$;

comment on function sqlembed._moved_keys() is
    'Embeddings of tables whose primary key has other columns or types than it had, with the SQL of the present key.';

revoke execute on function sqlembed._moved_keys() from public;
