create or replace function sqlembed._rename_embeddings(embeddings integer[], sources text[]) returns setof sqlembed.embedding
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    -- Their owner may have locked them, for as long as a transaction lasts.
    perform from sqlembed.embedding as e where e.id = any (_rename_embeddings.embeddings) for update nowait;
    -- All at once: two vector columns may have changed their names with each other.
    update sqlembed.embedding as e
    set
        name = r.vector,
        key_columns = r.key_columns,
        key_types = sqlembed._column_types(e.relation, r.key_columns),
        key_expression = r.key_expression,
        source = g.source,
        source_columns = r.source_columns,
        source_numbers = sqlembed._column_numbers(e.relation, r.source_columns),
        vector_number = (sqlembed._column_numbers(coalesce(e.side, e.relation), array[r.vector]))[1],
        numbered_in = e.relation::oid
    from sqlembed._renamed_embeddings() as r
    join unnest(_rename_embeddings.embeddings, _rename_embeddings.sources) as g (id, source) on g.id = (r.declared).id
    where e.id = g.id;
    perform sqlembed._make_note_function(g.id), sqlembed._make_row_functions(g.id)
    from unnest(_rename_embeddings.embeddings) as g (id);
    return query select e.* from sqlembed.embedding as e where e.id = any (_rename_embeddings.embeddings);
end
$function$;

comment on function sqlembed._rename_embeddings(integer[], text[]) is
    'Write down the present names of the columns of embeddings, with their sources in these names, and make their trigger functions anew. Returns what now stands there.';

revoke execute on function sqlembed._rename_embeddings(integer[], text[]) from public;
