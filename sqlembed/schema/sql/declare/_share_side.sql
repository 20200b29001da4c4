create or replace function sqlembed._share_side(relation regclass, side regclass) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    reader text;
begin
    execute format('alter table %s enable row level security', _share_side.side);
    if (select c.relforcerowsecurity from pg_class as c where c.oid = _share_side.relation) then
        execute format('alter table %s force row level security', _share_side.side);
    end if;
    execute format('drop policy if exists sqlembed_follow on %s', _share_side.side);
    -- A scalar sub-select, which PostgreSQL looks up row by row: for EXISTS it may read the whole
    -- table first, however few rows a search looks at.
    execute format(
        'create policy sqlembed_follow on %s for select using ((select true from %s as r where %s limit 1))',
        _share_side.side,
        _share_side.relation,
        sqlembed._side_match(_share_side.relation, _share_side.side, 'r', _share_side.side::text)
    );
    for reader in select * from sqlembed._side_readers(_share_side.relation, _share_side.side)
    loop
        execute format('grant select on %s to %s', _share_side.side, reader);
    end loop;
end
$function$;

comment on function sqlembed._share_side(regclass, regclass) is
    'Let those who see rows of a table see their vectors in its side table, and nobody else: a policy asks the table as the reader.';
