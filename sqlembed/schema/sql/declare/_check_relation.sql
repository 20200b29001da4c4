create or replace function sqlembed._check_relation(relation regclass) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    found record;
begin
    select c.relkind, c.relowner, c.relpersistence into found from pg_class as c where c.oid = _check_relation.relation;
    if found is null then
        raise exception 'sqlembed: no such table' using errcode = 'SE010', hint = 'Give the name of a table.';
    end if;
    if found.relkind not in ('r', 'p') then
        raise exception 'sqlembed: % is not a table', _check_relation.relation
            using errcode = 'SE010', hint = 'Embed the table that it reads from.';
    end if;
    if found.relpersistence = 't' then
        raise exception 'sqlembed: % is a temporary table, which no worker can see', _check_relation.relation
            using errcode = 'SE010', hint = 'Use an ordinary or an unlogged table.';
    end if;
    if not pg_has_role(found.relowner, 'usage') then
        raise exception 'sqlembed: must be owner of table %', _check_relation.relation
            using errcode = '42501', hint = format('Its owner is %s.', found.relowner::regrole);
    end if;
end
$function$;

comment on function sqlembed._check_relation(regclass) is
    'An error when a relation cannot have embeddings, or is not the caller''s.';
