create or replace function sqlembed._vector_rows(
    from_clause text,
    vector text,
    key text,
    filter text
)
returns text
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
    -- Names that no filter uses: there a name without a prefix is the table's.
    select format(
        E'select %s as sqlembed_key, %s as sqlembed_vector from %s where %s is not null and (%s\n)',
        _vector_rows.key, _vector_rows.vector, _vector_rows.from_clause, _vector_rows.vector,
        coalesce(_vector_rows.filter, 'true')
    )
$function$;

comment on function sqlembed._vector_rows(text, text, text, text) is
    'SQL that gives the key and the vector of the rows of a table that have one and pass a filter.';
