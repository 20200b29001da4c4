create or replace function sqlembed._prepare_side(
    relation regclass,
    embedding name,
    is_chunked boolean,
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
        perform sqlembed._refuse_side(_prepare_side.relation, _prepare_side.side, _prepare_side.embedding, _prepare_side.is_chunked);
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
            'create %stable %s (%s, %ssource_hash bytea not null, primary key (%s%s))%s',
            case source.relpersistence when 'u' then 'unlogged ' else '' end,
            full_name,
            columns,
            case
                when _prepare_side.is_chunked
                then 'ordinal integer, span int4range not null, chunk text not null, chunk_hash bytea not null, '
                else ''
            end,
            key,
            case when _prepare_side.is_chunked then ', ordinal' else '' end,
            -- A text and a vector of up to some 1,500 dimensions stay together, and the vector is not fetched apart.
            case when _prepare_side.is_chunked then ' with (toast_tuple_target = 8160)' else '' end
        );
    exception
        when duplicate_column then
            raise exception 'sqlembed: a column of the primary key of % has the name of one that a side table has as well: %',
                _prepare_side.relation,
                case
                    when _prepare_side.is_chunked then 'ordinal, span, chunk, chunk_hash or source_hash' else 'source_hash'
                end
                using errcode = 'SE010',
                    hint = case
                        when _prepare_side.is_chunked then 'Rename the column.' else 'Say place => ''row'', or rename the column.'
                    end;
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
        format(
            '%s of %s. Made by sqlembed.create_embedding; written by workers.',
            case when _prepare_side.is_chunked then 'Chunks' else 'Vectors' end,
            _prepare_side.relation
        )
    );
    execute format(
        'comment on column %s.source_hash is %L',
        _prepare_side.side,
        case
            when _prepare_side.is_chunked then 'sha256 of the text that the chunk is cut from, in UTF-8.'
            else 'sha256 of the text that the vector was made from, in UTF-8.'
        end
    );
    if _prepare_side.is_chunked then
        execute format(
            'comment on column %1$s.ordinal is ''Its place among the chunks of a row, from 1 on.'';
            comment on column %1$s.span is ''Its characters in the text of the row, from 1 on.'';
            comment on column %1$s.chunk is ''The text itself.'';
            comment on column %1$s.chunk_hash is ''sha256 of what is embedded, headings above it included, in UTF-8.''',
            _prepare_side.side
        );
    end if;
end
$function$;

comment on function sqlembed._prepare_side(regclass, name, boolean) is
    'The table beside a table that holds the vectors of an embedding, or those of its chunks: made with the columns of the primary key, or taken over.';
