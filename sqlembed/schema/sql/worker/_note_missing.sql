create or replace function sqlembed._note_missing(declared sqlembed.embedding, rows_of text, is_all boolean) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    -- In parts: a worker's memory is not the table's size. Neighbours are not written one after the other where
    -- no index is over the vector yet: then most of them find room for their new version in their own page, made
    -- by those written before, and no index of the table has to take them up anew.
    noting text := format(
        'select sqlembed._note_keys(%s, array_agg(s.key))
        from (select %s as key, (row_number() over (%s) - 1) / 10000 as part from %s as r where ',
        (_note_missing.declared).id,
        (select k.expression from sqlembed._key_sql((_note_missing.declared).relation) as k),
        case
            when (_note_missing.declared).generation <> 'current' and (_note_missing.declared).side is null
            then 'order by random()'
        end,
        _note_missing.rows_of
    );
    in_parts text := ') as s group by s.part';
begin
    if not _note_missing.is_all then
        begin
            execute noting || 'not (' || sqlembed._vector_test(_note_missing.declared, 'r') || ')' || in_parts;
            return;
        exception
            when lock_not_available or insufficient_privilege then
                raise;
            when others then
                -- A row whose source expression fails: which of the others are up to date, workers find out.
                null;
        end;
    end if;
    execute noting || 'true' || in_parts;
end
$function$;

comment on function sqlembed._note_missing(sqlembed.embedding, text, boolean) is
    'Queue the rows of a table, or of "only" one member of its family, that have no vector of their present text, or all. With the rights of the worker.';

revoke execute on function sqlembed._note_missing(sqlembed.embedding, text, boolean) from public;
