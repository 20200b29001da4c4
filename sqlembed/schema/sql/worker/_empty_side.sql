create or replace function sqlembed._empty_side(relation regclass, side regclass) returns boolean
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    has_rows boolean;
begin
    execute format('select exists (select from %s)', _empty_side.relation) into has_rows;
    if has_rows or not has_table_privilege(_empty_side.side, 'truncate') then
        return false;
    end if;
    -- An index of vectors takes long to forget rows one by one.
    execute format('lock table %s in access exclusive mode nowait', _empty_side.side);
    -- Again, now that no other worker can have written since for rows that came in between.
    execute format('select exists (select from %s)', _empty_side.relation) into has_rows;
    if has_rows then
        return false;
    end if;
    execute format('truncate %s', _empty_side.side);
    return true;
exception when lock_not_available then
    return false;
end
$function$;

comment on function sqlembed._empty_side(regclass, regclass) is
    'Truncate the side table of a table that is empty. False when it is not, or when the side table is in use: then its rows go one by one.';

revoke execute on function sqlembed._empty_side(regclass, regclass) from public;
