create or replace function sqlembed._refuse_undeclared(relation regclass, name name) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
begin
    if (select c.relkind not in ('r', 'p') from pg_class as c where c.oid = _refuse_undeclared.relation) then
        raise exception 'sqlembed: % is not a table, so it has no embedding', _refuse_undeclared.relation
            using errcode = 'SE013',
                hint = format(
                    'Search the table that it reads from, or: sqlembed.vector_search(null::%s, (select sqlembed.embed(...))).',
                    _refuse_undeclared.relation
                );
    end if;
    -- Always an error, which names those that are declared.
    perform sqlembed._embedding_of(_refuse_undeclared.relation, _refuse_undeclared.name);
end
$function$;

comment on function sqlembed._refuse_undeclared(regclass, name) is
    'The error for a text search in something without the one embedding that was meant.';
