create or replace function sqlembed._side_source(
    declared sqlembed.embedding,
    row_name name,
    out from_clause text,
    out vector text,
    out chunk text,
    out hash text,
    out hash_function text
)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    alias text := case _side_source.row_name when 'sqlembed_side' then 'sqlembed_beside' else 'sqlembed_side' end;
    hash_call text := sqlembed._hash_call(_side_source.declared, quote_ident(_side_source.row_name));
begin
    if (_side_source.declared).side is null then
        return;
    end if;
    -- What an older snapshot still shows, and is not there, has no name.
    if hash_call is null or (_side_source.declared).side::text ~ '^[0-9]+$' then
        raise exception 'sqlembed: the side table of embedding % of %, or its function %, is not there any more',
            quote_ident((_side_source.declared).name), (_side_source.declared).relation,
            quote_ident((_side_source.declared).hash_function)
            using errcode = 'SE013',
                hint = format(
                    'select sqlembed.drop_embedding(%L, %L), and declare it anew.',
                    (_side_source.declared).relation, (_side_source.declared).name
                );
    end if;
    -- Its columns get names that no filter uses: a name without a prefix is the table's.
    select format(
        '%1$s as %2$I join (select %3$s, s.%4$I as sqlembed_vector, s.source_hash as sqlembed_hash%9$s from %5$s as s) as %6$s on %7$s%8$s',
        (_side_source.declared).relation,
        _side_source.row_name,
        string_agg(format('s.%I as sqlembed_key_%s', k.side_name, k.position), ', ' order by k.position),
        sqlembed._vector_name(_side_source.declared),
        (_side_source.declared).side,
        alias,
        string_agg(
            format('%I.%I %s %s.sqlembed_key_%s', _side_source.row_name, k.column_name, k.operator, alias, k.position),
            ' and '
            order by k.position
        ),
        case
            -- A bare equality would be taken for one that few rows pass, and the index left aside. Of chunks,
            -- several of one row may be looked at, and the hash is left to the end.
            when (_side_source.declared).on_change = 'hide' and (_side_source.declared).chunking is null then format(' and coalesce(%s.sqlembed_hash operator(pg_catalog.=) %s, false)', alias, hash_call)
            else ''
        end,
        case
            when (_side_source.declared).chunking is not null
            then ', s.chunk as sqlembed_chunk, s.ordinal as sqlembed_ordinal'
            else ''
        end
    )
    into _side_source.from_clause
    from sqlembed._side_keys((_side_source.declared).relation, (_side_source.declared).side) as k;
    _side_source.vector := alias || '.sqlembed_vector';
    if (_side_source.declared).chunking is not null then
        _side_source.chunk := alias || '.sqlembed_chunk';
        _side_source.hash := alias || '.sqlembed_hash';
        if (_side_source.declared).on_change = 'hide' then
            _side_source.hash_function := left(hash_call, -length(quote_ident(_side_source.row_name) || '(.*)'));
        end if;
    end if;
end
$function$;

comment on function sqlembed._side_source(sqlembed.embedding, name) is
    'What a search reads from when the vectors stand in a side table, and the vector''s expression: the table under the name of its rows, joined with the vectors that count. Of chunks, also their text, the hash of the whole text, and the function that gives that of the present one, if it counts. Null for vectors in the rows.';
