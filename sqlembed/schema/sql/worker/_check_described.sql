create or replace function sqlembed._check_described(
    relation oid,
    name text,
    numbers smallint[],
    columns name[]
)
returns boolean
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
begin
    -- A name may mean another table or column by now: those of one that is to take its place.
    if to_regclass(_check_described.name) is distinct from _check_described.relation::regclass
        or _check_described.columns <> array(
            select a.attname
            from unnest(_check_described.numbers) with ordinality as n (number, position)
            join pg_attribute as a
                on a.attrelid = _check_described.relation and a.attnum = n.number and not a.attisdropped
            order by n.position
        )
    then
        raise exception 'sqlembed: % or a column of it has another name now', _check_described.name
            using errcode = 'SE017', hint = 'A worker finds out by itself; nothing has to be done.';
    end if;
    return true;
end
$function$;

comment on function sqlembed._check_described(oid, text, smallint[], name[]) is
    'An error when the names in a worker''s statements do not mean any more what they meant when it was told them.';

revoke execute on function sqlembed._check_described(oid, text, smallint[], name[]) from public;
