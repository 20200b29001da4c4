create or replace function sqlembed._prepare_side(
    relation regclass,
    embedding name,
    out side regclass,
    out hash_function name,
    out is_new boolean
)
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    source record;
    full_name text;
    columns text;
    key text;
begin
    select c.relname, n.nspname, c.relpersistence, c.relowner::regrole as owner
    into source
    from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace
    where c.oid = _prepare_side.relation;
    _prepare_side.hash_function := sqlembed._side_name(source.relname || '_' || _prepare_side.embedding || '_hash');
    full_name := format(
        '%I.%I', source.nspname, sqlembed._side_name(source.relname || '_' || _prepare_side.embedding)
    );
    _prepare_side.side := to_regclass(full_name);
    _prepare_side.is_new := _prepare_side.side is null;
    if not _prepare_side.is_new then
        perform sqlembed._refuse_side(_prepare_side.relation, _prepare_side.side, _prepare_side.embedding);
        return;
    end if;

    select
        string_agg(
            format(
                '%I %s%s',
                a.attname,
                format_type(a.atttypid, a.atttypmod),
                case when a.attcollation <> 0 then format(' collate %s', a.attcollation::regcollation) else '' end
            ),
            ', '
            order by k.position
        ),
        string_agg(quote_ident(a.attname), ', ' order by k.position)
    into columns, key
    from pg_index as i
    cross join unnest(i.indkey) with ordinality as k (attnum, position)
    join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.attnum
    where i.indrelid = _prepare_side.relation and i.indisprimary and k.position <= i.indnkeyatts;
    begin
        execute format(
            'create %stable %s (%s, source_hash bytea not null, primary key (%s))',
            case source.relpersistence when 'u' then 'unlogged ' else '' end,
            full_name, columns, key
        );
    exception
        when duplicate_column then
            raise exception 'sqlembed: column source_hash of % is part of its primary key, and a side table has one of that name',
                _prepare_side.relation
                using errcode = 'SE010', hint = 'Say place => ''row'', or rename the column.';
        when duplicate_object then
            raise exception 'sqlembed: there is a type %, and the vectors of % would stand in a table of that name',
                full_name, _prepare_side.relation
                using errcode = 'SE011', hint = 'Rename it, or give the embedding another name: embedding => ''...''.';
    end;
    _prepare_side.side := to_regclass(full_name);
    execute format('alter table %s owner to %s', _prepare_side.side, source.owner);
    execute format(
        'comment on table %s is %L',
        _prepare_side.side,
        format('Vectors of %s. Made by sqlembed.create_embedding; written by workers.', _prepare_side.relation)
    );
    execute format(
        'comment on column %s.source_hash is %L', _prepare_side.side, 'sha256 of the text that the vector was made from, in UTF-8.'
    );
end
$function$;

comment on function sqlembed._prepare_side(regclass, name) is
    'The table beside a table that holds the vectors of an embedding: made with the columns of the primary key, or taken over.';
