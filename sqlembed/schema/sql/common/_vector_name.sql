create or replace function sqlembed._vector_name(declared sqlembed.embedding) returns name
language sql
stable
as $function$
    -- Asked of the server's own cache, which knows what was committed a moment ago, and not of a table,
    -- where a statement that began before goes on to see the old name. Without a search_path of its own,
    -- so that it becomes part of the query.
    select coalesce(
        case
            when (_vector_name.declared).numbered_in operator(pg_catalog.=) (_vector_name.declared).relation::pg_catalog.oid
            then (
                pg_catalog.pg_identify_object_as_address(
                    'pg_catalog.pg_class'::pg_catalog.regclass,
                    coalesce((_vector_name.declared).side, (_vector_name.declared).relation),
                    (_vector_name.declared).vector_number
                )
            ).object_names[3]::pg_catalog.name
        end,
        (_vector_name.declared).name
    )
$function$;

comment on function sqlembed._vector_name(sqlembed.embedding) is
    'What the vector column of an embedding is called at this moment, whatever the snapshot says. A search that has seen a declaration reads the vectors of that declaration, though another generation has got the name meanwhile.';
