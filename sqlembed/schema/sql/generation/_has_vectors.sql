create or replace function sqlembed._has_vectors(declared sqlembed.embedding) returns boolean
language plpgsql
volatile
as $function$
declare
    holder regclass := coalesce((_has_vectors.declared).side, (_has_vectors.declared).relation);
    found_one boolean;
begin
    -- Rows may be there that a policy hides.
    if pg_catalog.row_security_active(holder) then
        return true;
    end if;
    execute pg_catalog.format(
        'select exists (select from %s where %I is not null)', holder, sqlembed._vector_name(_has_vectors.declared)
    )
    into found_one;
    return found_one;
end
$function$;

comment on function sqlembed._has_vectors(sqlembed.embedding) is
    'Whether an embedding has a vector for any row, so that searches would lose it.';
