create or replace function sqlembed._refuse_index(
    relation regclass,
    name name,
    embedder text,
    dimensions integer,
    storage text,
    is_present boolean,
    index text,
    options jsonb
)
returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    most integer := case _refuse_index.storage when 'vector' then 2000 else 4000 end;
    length integer := case _refuse_index.index
        when 'hnsw' then _refuse_index.dimensions
        when 'prefix' then (_refuse_index.options ->> 'dimensions')::integer
        -- Of bits, HNSW takes more than a vector has dimensions.
        else 0
    end;
begin
    if _refuse_index.index = 'prefix' and length >= _refuse_index.dimensions then
        raise exception 'sqlembed: the first % dimensions cannot be indexed: % makes %',
            length, quote_ident(_refuse_index.embedder), _refuse_index.dimensions
            using errcode = 'SE014', hint = 'Give fewer, or say index => ''hnsw''.';
    end if;
    if length <= most then
        return;
    end if;
    raise exception 'sqlembed: an index on % takes % dimensions at most, and % %',
        _refuse_index.storage, most, quote_ident(_refuse_index.embedder),
        case _refuse_index.index
            when 'prefix' then format('should have %s of its %s indexed', length, _refuse_index.dimensions)
            else format('makes %s', _refuse_index.dimensions)
        end
        using errcode = 'SE011',
            hint = concat_ws(
                ' ',
                case
                    when length > 4000 then null
                    when _refuse_index.is_present
                    then format(
                        'alter table %s alter column %I type halfvec(%s).',
                        _refuse_index.relation, _refuse_index.name, _refuse_index.dimensions
                    )
                    else 'Leave storage out, or say storage => ''halfvec''.'
                end,
                case _refuse_index.index
                    when 'prefix' then 'Index fewer of the first dimensions.'
                    else
                        'Or index less of each vector and rank by all of it: index => ''binary'', or, if the model is '
                        'made for it, index => ''prefix'', index_options => ''{"dimensions": 1024}''. Or say index => ''none''.'
                end
            );
end
$function$;

comment on function sqlembed._refuse_index(regclass, name, text, integer, text, boolean, text, jsonb) is
    'The error for vectors that are too long for a kind of index; otherwise nothing.';
