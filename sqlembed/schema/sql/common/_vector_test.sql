create or replace function sqlembed._vector_test(declared sqlembed.embedding, row_name text) returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    select case (_vector_test.declared).place
        when 'row' then format('%s.%I is not null', _vector_test.row_name, p.vector)
        else format(
            'exists (select from %s as sqlembed_side where %s and %ssqlembed_side.source_hash operator(pg_catalog.=) %s)',
            (_vector_test.declared).side,
            sqlembed._side_match((_vector_test.declared).relation, (_vector_test.declared).side, _vector_test.row_name, 'sqlembed_side'),
            -- All chunks of a row are written at once.
            case when (_vector_test.declared).chunking is not null then 'sqlembed_side.ordinal operator(pg_catalog.=) 1 and ' end,
            sqlembed._hash_call(_vector_test.declared, _vector_test.row_name)
        )
    end
    -- A column that was renamed a moment ago has its old name in the catalogue.
    from sqlembed._present_columns(_vector_test.declared) as p
$function$;

comment on function sqlembed._vector_test(sqlembed.embedding, text) is
    'The condition that a row has a vector; in a side table, one of its present source.';
