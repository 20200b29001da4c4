create or replace function sqlembed._follow_key(embedding integer) returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    update sqlembed.embedding as e
    set
        key_columns = k.columns,
        key_types = sqlembed._column_types(e.relation, k.columns),
        key_expression = k.expression
    from sqlembed._moved_keys() as m
    cross join lateral sqlembed._key_sql(m.relation) as k
    where e.id = m.embedding and m.embedding = _follow_key.embedding;
    perform sqlembed._make_note_function(_follow_key.embedding);
end
$function$;

comment on function sqlembed._follow_key(integer) is
    'Write down the present primary key of an embedding''s table, and make its trigger function anew.';

revoke execute on function sqlembed._follow_key(integer) from public;
