create or replace function sqlembed._refuse_side(relation regclass, side regclass, embedding name, is_chunked boolean) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    problem text;
begin
    select case
        when c.relkind <> 'r' or c.relispartition then 'is not a table'
        when c.relpersistence = 't' then 'is a temporary table'
        when c.relowner <> o.relowner then format('belongs to %s', c.relowner::regrole)
        when exists (select from sqlembed.embedding as e where e.side = c.oid) then 'belongs to another embedding'
        when exists (select from sqlembed.embedding as e where e.relation = c.oid) then 'has an embedding itself'
        when (
            select array_agg((a.atttypid, a.atttypmod, a.attcollation) order by k.position)
            from pg_index as i
            cross join unnest(i.indkey) with ordinality as k (attnum, position)
            join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.attnum
            where i.indrelid = o.oid and i.indisprimary and k.position <= i.indnkeyatts
        ) is distinct from (
            select array_agg((a.atttypid, a.atttypmod, a.attcollation) order by k.position)
            from pg_index as i
            cross join unnest(i.indkey) with ordinality as k (attnum, position)
            join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.attnum
            where i.indrelid = c.oid and i.indisprimary
                and k.position <= i.indnkeyatts - case when _refuse_side.is_chunked then 1 else 0 end
        ) then 'has another primary key'
        when not exists (
            select
            from pg_attribute as a
            where a.attrelid = c.oid and a.attname = 'source_hash' and a.atttypid = 'bytea'::regtype
        ) or not exists (
            select from pg_attribute as a where a.attrelid = c.oid and a.attname = _refuse_side.embedding
        ) or _refuse_side.is_chunked <> (
            select count(*) = 4
            from pg_attribute as a
            where a.attrelid = c.oid
                and (a.attname, a.atttypid) in (
                    ('ordinal', 'integer'::regtype), ('span', 'int4range'::regtype), ('chunk', 'text'::regtype),
                    ('chunk_hash', 'bytea'::regtype)
                )
        ) then case when _refuse_side.is_chunked then 'is no table of chunks' else 'is no side table' end
    end
    into problem
    from pg_class as c
    join pg_class as o on o.oid = _refuse_side.relation
    where c.oid = _refuse_side.side;
    if problem is not null then
        raise exception 'sqlembed: % %, and the vectors of % would stand there', _refuse_side.side, problem, _refuse_side.relation
            using errcode = 'SE011', hint = 'Rename it, or give the embedding another name: embedding => ''...''.';
    end if;
end
$function$;

comment on function sqlembed._refuse_side(regclass, regclass, name, boolean) is
    'An error when what has the name of a side table cannot be the one of an embedding.';
